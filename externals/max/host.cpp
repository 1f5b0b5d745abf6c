// SPDX-License-Identifier: MIT
#include "host.hpp"

// clang-format off
#include "ext_buffer.h"
#include "ext_atomarray.h"
#include "ext_packages.h"
#include "ext_path.h"
// clang-format on

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <system_error>

namespace nnbridge::max {
namespace {

constexpr const char* kPackage = "nnbridge";

std::optional<std::filesystem::path> absolute(short folder, const std::string& name) {
  std::array<char, MAX_PATH_CHARS> path{};
  if (path_toabsolutesystempath(folder, name.c_str(), path.data()) != 0) return std::nullopt;
  return std::filesystem::path(path.data());
}

bool is_file(const std::filesystem::path& path) {
  std::error_code error;
  return std::filesystem::is_regular_file(path, error);
}

std::optional<std::filesystem::path> find_exactly(const std::string& name) {
  if (const std::filesystem::path path(name); path.is_absolute()) {
    return is_file(path) ? std::optional(path) : std::nullopt;
  }
  if (const short package = packages_getpackagepath(kPackage); package != 0) {
    const auto path = absolute(package, "models/" + name);
    if (path && is_file(*path)) return path;
  }
  std::array<char, MAX_PATH_CHARS> found{};
  if (name.size() >= found.size()) return std::nullopt;
  std::copy(name.begin(), name.end(), found.begin());
  short folder = 0;
  t_fourcc type = 0;
  if (locatefile_extended(found.data(), &folder, &type, nullptr, 0) != 0) return std::nullopt;
  return absolute(folder, found.data());
}

struct Free {
  void operator()(void* object) const { object_free(object); }
};

std::optional<BufferValue> read_buffer(t_object* owner, t_symbol* name) {
  const std::unique_ptr<t_buffer_ref, Free> reference(buffer_ref_new(owner, name));
  auto* const buffer = reference ? buffer_ref_getobject(reference.get()) : nullptr;
  if (!buffer) return std::nullopt;
  BufferValue value{.channels = static_cast<int>(buffer_getchannelcount(buffer)),
                    .frames = buffer_getframecount(buffer),
                    .sample_rate = static_cast<int>(std::lround(buffer_getsamplerate(buffer))),
                    .samples = {}};
  const float* const interleaved = buffer_locksamples(buffer);
  if (!interleaved) return std::nullopt;
  const auto channels = static_cast<std::size_t>(value.channels);
  const auto frames = static_cast<std::size_t>(value.frames);
  value.samples.resize(channels * frames);
  for (std::size_t frame = 0; frame < frames; ++frame) {
    for (std::size_t channel = 0; channel < channels; ++channel) {
      value.samples[channel * frames + frame] = interleaved[frame * channels + channel];
    }
  }
  buffer_unlocksamples(buffer);
  return value;
}

/// Max 9's `array`: registered by name, with its numbers in an atomarray.
std::optional<BufferValue> read_numbers(t_symbol* name) {
  auto* const array = object_findregistered(gensym("array"), name);
  if (!array) return std::nullopt;
  long count = 0;
  t_atom* atoms = nullptr;
  if (atomarray_getatoms(static_cast<t_atomarray*>(array), &count, &atoms) != 0) {
    return std::nullopt;
  }
  BufferValue value{.channels = 1, .frames = count, .sample_rate = 0, .samples = {}};
  for (long i = 0; i < count; ++i) {
    value.samples.push_back(static_cast<float>(atom_getfloat(atoms + i)));
  }
  return value;
}

}  // namespace

std::string file_name(const std::string& name) {
  return name.ends_with(".ts") ? name : name + ".ts";
}

std::optional<std::filesystem::path> find_model(const std::string& name) {
  if (name.empty()) return std::nullopt;
  return find_exactly(file_name(name));
}

std::optional<BufferValue> read_array(t_object* owner, const std::string& name) {
  t_symbol* const symbol = gensym(name.c_str());
  if (auto buffer = read_buffer(owner, symbol)) return buffer;
  return read_numbers(symbol);
}

Word to_word(const t_atom& atom) {
  if (atom.a_type == A_LONG) return static_cast<double>(atom.a_w.w_long);
  if (atom.a_type == A_FLOAT) return static_cast<double>(atom.a_w.w_float);
  if (atom.a_type == A_SYM) return std::string(atom.a_w.w_sym->s_name);
  return std::string();
}

std::vector<Word> to_words(long argc, const t_atom* argv) {
  std::vector<Word> words;
  for (long i = 0; i < argc; ++i) words.push_back(to_word(argv[i]));
  return words;
}

void append(std::vector<t_atom>& atoms, double number) {
  atom_setfloat(&atoms.emplace_back(), number);
}

void append(std::vector<t_atom>& atoms, std::int64_t number) {
  atom_setlong(&atoms.emplace_back(), static_cast<t_atom_long>(number));
}

void append(std::vector<t_atom>& atoms, const std::string& text) {
  atom_setsym(&atoms.emplace_back(), gensym(text.c_str()));
}

void append(std::vector<t_atom>& atoms, const Value& value) {
  if (const auto* truth = std::get_if<bool>(&value)) {
    append(atoms, static_cast<std::int64_t>(*truth));
  } else if (const auto* whole = std::get_if<std::int64_t>(&value)) {
    append(atoms, *whole);
  } else if (const auto* number = std::get_if<double>(&value)) {
    append(atoms, *number);
  } else if (const auto* tensor = std::get_if<TensorValue>(&value)) {
    for (const float element : tensor->data) append(atoms, static_cast<double>(element));
  } else {
    append(atoms, to_text(value));
  }
}

}  // namespace nnbridge::max
