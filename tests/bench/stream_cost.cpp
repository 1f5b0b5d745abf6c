// SPDX-License-Identifier: MIT
//
// What a stream costs: on the audio thread, and on top of the bare LibTorch call. Prints JSON;
// tests/bench/run.py builds the models, runs this, and writes RESULTS.md.
//
//   stream_cost TRIVIAL.ts ONE_MS.ts        everything, interleaved in one run
//   stream_cost --cold MODEL.ts             opening and the first calls, in a fresh process
#include <torch/script.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "engine/engine.hpp"
#include "nnbridge/stream.hpp"

namespace {

std::atomic<std::int64_t> g_allocations{0};

}  // namespace

// Counts what torch and we allocate through operator new; ATen's tensor memory comes from
// posix_memalign, which is counted below.
void* operator new(std::size_t size) {
  g_allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

#ifdef __GLIBC__
extern "C" void* __libc_memalign(std::size_t alignment, std::size_t size);
extern "C" int posix_memalign(void** memory, std::size_t alignment, std::size_t size) {
  g_allocations.fetch_add(1, std::memory_order_relaxed);
  *memory = __libc_memalign(alignment, size);
  return *memory ? 0 : ENOMEM;
}
#endif

namespace {

using Clock = std::chrono::steady_clock;
using Json = nlohmann::json;
using nnbridge::Model;
using nnbridge::Stream;
using nnbridge::StreamConfig;

double microseconds(Clock::duration duration) {
  return std::chrono::duration<double, std::micro>(duration).count();
}

double quantile(std::vector<double> values, double q) {
  const auto index = static_cast<std::size_t>(q * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(index),
                   values.end());
  return values[index];
}

[[noreturn]] void give_up(const std::string& message) {
  std::fprintf(stderr, "stream_cost: %s\n", message.c_str());
  std::exit(1);
}

Model open(const char* path) {
  auto model = Model::open(path);
  if (!model) give_up(model.error().message);
  return std::move(*model);
}

std::unique_ptr<Stream> prepare(const Model& model, const StreamConfig& config) {
  auto stream = Stream::prepare(model, config);
  if (!stream) give_up(stream.error().message);
  return std::move(*stream);
}

/// A stream with its own buffers, one channel each way.
struct Player {
  std::unique_ptr<Stream> stream;
  std::vector<float> in;
  std::vector<float> out;

  Player(const Model& model, const StreamConfig& config)
      : stream(prepare(model, config)),
        in(static_cast<std::size_t>(config.host_block), 0.1F),
        out(static_cast<std::size_t>(config.host_block)) {}

  Clock::duration play() {
    const float* inputs[] = {in.data()};
    float* outputs[] = {out.data()};
    const auto before = Clock::now();
    stream->process(inputs, 1, outputs, 1, static_cast<int>(in.size()));
    return Clock::now() - before;
  }
};

/// Time of `process` on the audio thread of a realtime stream, by host block. Every call that fills
/// a model block also wakes the worker; those are told apart.
Json audio_thread(const Model& model) {
  constexpr int kRounds = 3000;
  const std::vector<int> sizes{1, 16, 32, 64, 128, 256, 512, 1024, 2048};
  std::vector<Player> players;
  for (const int size : sizes) {
    players.emplace_back(model, StreamConfig{.host_block = size,
                                             .fixed_host_block = true,
                                             .realtime = true,
                                             .block = std::max(512, size)});
  }
  std::vector<std::vector<double>> quiet(sizes.size());
  std::vector<std::vector<double>> waking(sizes.size());
  for (int round = 0; round < kRounds; ++round) {
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      auto& player = players[i];
      const bool wakes =
          (static_cast<std::int64_t>(round) + 1) * sizes[i] % std::max(512, sizes[i]) == 0;
      const double time = microseconds(player.play());
      if (round > 100) (wakes ? waking : quiet)[i].push_back(time);
      while (player.stream->stats().pending > 0) std::this_thread::yield();
    }
  }
  Json rows = Json::array();
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    Json row{{"n", sizes[i]}, {"late", players[i].stream->stats().late}};
    std::vector<double> all = quiet[i];
    all.insert(all.end(), waking[i].begin(), waking[i].end());
    row["median"] = quantile(all, 0.5);
    row["p99"] = quantile(all, 0.99);
    if (!quiet[i].empty()) row["copying"] = quantile(quiet[i], 0.5);
    if (!waking[i].empty()) row["waking"] = quantile(waking[i], 0.5);
    rows.push_back(row);
  }
  return rows;
}

/// One inference through an inline stream against the bare call on a tensor of the same shape.
Json inference(const Model& model, const char* path, int rounds) {
  constexpr int kBlock = 512;
  const nnbridge::engine::ThreadScope scope;
  torch::jit::Module bare = torch::jit::load(path);
  bare.eval();
  const c10::InferenceMode guard;
  const at::Tensor input = at::full({1, 1, kBlock}, 0.1F);
  const auto method = bare.get_method("forward");
  Player player(model,
                StreamConfig{.host_block = kBlock, .fixed_host_block = true, .block = kBlock});
  const auto call = [&] {
    const auto before = Clock::now();
    const at::Tensor output = method({input}).toTensor();
    return Clock::now() - before;
  };
  for (int i = 0; i < 20; ++i) {
    call();
    player.play();
  }
  std::vector<double> bare_times;
  std::vector<double> stream_times;
  std::vector<double> differences;
  std::int64_t bare_allocations = 0;
  std::int64_t stream_allocations = 0;
  for (int i = 0; i < rounds; ++i) {
    const bool bare_first = i % 2 == 0;
    double bare_time = 0;
    double stream_time = 0;
    for (int half = 0; half < 2; ++half) {
      const std::int64_t before = g_allocations.load();
      if ((half == 0) == bare_first) {
        bare_time = microseconds(call());
        bare_allocations = g_allocations.load() - before;
      } else {
        stream_time = microseconds(player.play());
        stream_allocations = g_allocations.load() - before;
      }
    }
    bare_times.push_back(bare_time);
    stream_times.push_back(stream_time);
    differences.push_back(stream_time - bare_time);
  }
  const double bare_median = quantile(bare_times, 0.5);
  const double stream_median = quantile(stream_times, 0.5);
  return {{"bare", bare_median},
          {"stream", stream_median},
          {"ratio", stream_median / bare_median},
          {"difference", quantile(differences, 0.5)},
          {"bare_p99", quantile(bare_times, 0.99)},
          {"stream_p99", quantile(stream_times, 0.99)},
          {"bare_allocations", bare_allocations},
          {"stream_allocations", stream_allocations}};
}

/// In a process that has not touched torch yet.
Json cold(const char* path) {
  Json result;
  const auto start = Clock::now();
  const Model model = open(path);
  result["open"] = microseconds(Clock::now() - start);
  Json bare = Json::array();
  {
    const nnbridge::engine::ThreadScope scope;
    torch::jit::Module module = torch::jit::load(path);
    module.eval();
    const c10::InferenceMode guard;
    const at::Tensor input = at::full({1, 1, 512}, 0.1F);
    for (int i = 0; i < 5; ++i) {
      const auto before = Clock::now();
      module.get_method("forward")({input});
      bare.push_back(microseconds(Clock::now() - before));
    }
  }
  const auto before = Clock::now();
  Player player(model, StreamConfig{.host_block = 512, .fixed_host_block = true, .block = 512});
  result["prepare"] = microseconds(Clock::now() - before);
  Json stream = Json::array();
  for (int i = 0; i < 5; ++i) stream.push_back(microseconds(player.play()));
  result["bare_calls"] = bare;
  result["stream_calls"] = stream;
  return result;
}

}  // namespace

int main(int count, char** arguments) {
  if (count == 3 && std::string(arguments[1]) == "--cold") {
    std::puts(cold(arguments[2]).dump().c_str());
    return 0;
  }
  if (count != 3) give_up("give TRIVIAL.ts and ONE_MS.ts, or --cold MODEL.ts");
  const Model trivial = open(arguments[1]);
  const Model one_ms = open(arguments[2]);
  Json result;
  result["audio_thread"] = audio_thread(trivial);
  result["trivial"] = inference(trivial, arguments[1], 20000);
  result["one_ms"] = inference(one_ms, arguments[2], 2000);
  std::puts(result.dump().c_str());
  return 0;
}
