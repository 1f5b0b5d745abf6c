// SPDX-License-Identifier: MIT
//
// Two LV2 plugins for tests in hosts that run of themselves. A `source` plays a file, once the
// switch of the first one made is on; a `sink` passes on what it gets, and writes as much of it to
// a file of its own, from the frame at which the sources began. Interleaved stereo floats, at the
// paths NNBRIDGE_TAP_SOURCE, and NNBRIDGE_TAP_SINK with the sink's number behind it.
// Written from LV2's documentation, as far as the tests need it.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

namespace {

/// As LV2's documentation states it.
struct Descriptor {
  const char* uri;
  void* (*instantiate)(const Descriptor*, double, const char*, const void* const*);
  void (*connect_port)(void*, std::uint32_t, void*);
  void (*activate)(void*);
  void (*run)(void*, std::uint32_t);
  void (*deactivate)(void*);
  void (*cleanup)(void*);
  const void* (*extension_data)(const char*);
};

std::string path_of(const char* variable) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing here changes the environment
  const char* const path = std::getenv(variable);
  return path != nullptr ? path : "";
}

std::vector<float> signal;
bool playing = false;
int sources = 0;
int sinks = 0;

struct Tap {
  std::array<float*, 5> ports{};  // left and right in, left and right out, a source's switch
  int number = 0;
  std::size_t at = 0;  // a source's, of the interleaved samples
  std::vector<float> heard{};
};

void* instantiate_source(const Descriptor*, double, const char*, const void* const*) {
  if (signal.empty()) {
    std::ifstream file(path_of("NNBRIDGE_TAP_SOURCE"), std::ios::binary);
    float sample = 0;
    while (file.read(reinterpret_cast<char*>(&sample), sizeof sample)) signal.push_back(sample);
  }
  return new Tap{.number = sources++};
}

void* instantiate_sink(const Descriptor*, double, const char*, const void* const*) {
  return new Tap{.number = sinks++};
}

void run_source(void* instance, std::uint32_t frames) {
  auto& tap = *static_cast<Tap*>(instance);
  playing = playing || (tap.number == 0 && *tap.ports[4] > 0.5F);
  for (std::uint32_t i = 0; i < frames; ++i) {
    for (std::size_t side = 0; side < 2; ++side) {
      const bool sounds = playing && tap.at < signal.size();
      tap.ports[2 + side][i] = sounds ? signal[tap.at++] : 0.0F;
    }
  }
}

void write(const Tap& tap) {
  const std::string path = path_of("NNBRIDGE_TAP_SINK") + "." + std::to_string(tap.number);
  std::ofstream(path + ".part", std::ios::binary)
      .write(reinterpret_cast<const char*>(tap.heard.data()),
             static_cast<std::streamsize>(tap.heard.size() * sizeof(float)));
  std::rename((path + ".part").c_str(), path.c_str());
}

/// Writes its file in the middle of a host's call: what comes after it is of no interest.
void run_sink(void* instance, std::uint32_t frames) {
  auto& tap = *static_cast<Tap*>(instance);
  const bool complete = !playing || tap.heard.size() == signal.size();
  for (std::uint32_t i = 0; i < frames; ++i) {
    for (std::size_t side = 0; side < 2; ++side) {
      if (playing && tap.heard.size() < signal.size()) tap.heard.push_back(tap.ports[side][i]);
      tap.ports[2 + side][i] = tap.ports[side][i];
    }
  }
  if (!complete && tap.heard.size() == signal.size()) write(tap);
}

void connect(void* instance, std::uint32_t port, void* data) {
  static_cast<Tap*>(instance)->ports.at(port) = static_cast<float*>(data);
}

void nothing(void* /*instance*/) {}

void remove(void* instance) { delete static_cast<Tap*>(instance); }

const void* no_extension(const char* /*uri*/) { return nullptr; }

constexpr std::array<Descriptor, 2> kTaps{{
    {"urn:nnbridge:source", instantiate_source, connect, nothing, run_source, nothing, remove,
     no_extension},
    {"urn:nnbridge:sink", instantiate_sink, connect, nothing, run_sink, nothing, remove,
     no_extension},
}};

}  // namespace

extern "C" const void* lv2_descriptor(std::uint32_t index) {
  return index < kTaps.size() ? &kTaps.at(index) : nullptr;
}
