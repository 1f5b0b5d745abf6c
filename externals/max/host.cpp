// SPDX-License-Identifier: MIT
#include "host.hpp"

#include "glue.hpp"
#include "nnbridge/paths.hpp"

// clang-format off
#include "ext_buffer.h"
#include "ext_atomarray.h"
#include "ext_packages.h"
#include "ext_path.h"
// clang-format on

#if defined(_WIN32)
#include <windows.h>
#else
#include <dlfcn.h>
#endif

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <system_error>

namespace nnbridge::max {
namespace {

/// Ours, and nn~'s own: patches written for it find their models where they are.
constexpr std::array kPackages{"nnbridge", "nn_tilde"};

std::optional<std::filesystem::path> absolute(short folder, const std::string& name) {
  std::array<char, MAX_PATH_CHARS> path{};
  if (path_toabsolutesystempath(folder, name.c_str(), path.data()) != 0) return std::nullopt;
  return from_utf8(path.data());  // as all of Max's names are
}

constexpr std::size_t kMostAtoms = 32767;  // Max counts them in a short

bool is_file(const std::filesystem::path& path) {
  std::error_code error;
  return std::filesystem::is_regular_file(path, error);
}

std::optional<std::filesystem::path> find_exactly(const std::string& name) {
  if (const auto path = from_utf8(name); path.is_absolute()) {
    return is_file(path) ? std::optional(path) : std::nullopt;
  }
  for (const char* name_of_package : kPackages) {
    const short package = packages_getpackagepath(name_of_package);
    const auto path = package != 0 ? absolute(package, "models/" + name) : std::nullopt;
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

struct Unlock {
  void operator()(t_buffer_obj* buffer) const { buffer_unlocksamples(buffer); }
};

std::optional<BufferValue> read_buffer(t_object* owner, t_symbol* name) {
  const std::unique_ptr<t_buffer_ref, Free> reference(buffer_ref_new(owner, name));
  auto* const buffer = reference ? buffer_ref_getobject(reference.get()) : nullptr;
  const float* const interleaved = buffer ? buffer_locksamples(buffer) : nullptr;
  if (!interleaved) return std::nullopt;
  const std::unique_ptr<t_buffer_obj, Unlock> locked(buffer);  // its size stays as it is, too
  BufferValue value{.channels = static_cast<int>(buffer_getchannelcount(buffer)),
                    .frames = buffer_getframecount(buffer),
                    .sample_rate = static_cast<int>(std::lround(buffer_getsamplerate(buffer))),
                    .samples = {}};
  const auto channels = static_cast<std::size_t>(value.channels);
  const auto frames = static_cast<std::size_t>(value.frames);
  value.samples.resize(channels * frames);
  for (std::size_t frame = 0; frame < frames; ++frame) {
    for (std::size_t channel = 0; channel < channels; ++channel) {
      value.samples[channel * frames + frame] = interleaved[frame * channels + channel];
    }
  }
  return value;
}

/// A function that only newer versions of Max have.
template <class Function>
Function function_of_max(const char* name) {
#if defined(_WIN32)
  return reinterpret_cast<Function>(
      reinterpret_cast<void (*)()>(GetProcAddress(GetModuleHandleA("MaxAPI.dll"), name)));
#else
  return reinterpret_cast<Function>(dlsym(RTLD_DEFAULT, name));
#endif
}

/// The numbers of an `array` object, which came with Max 9.
std::optional<BufferValue> read_numbers(t_symbol* name) {
  static const auto kRetain =
      function_of_max<t_atomarray* (*)(t_symbol*)>("arrayobj_findregistered_retain");
  static const auto kRelease = function_of_max<t_max_err (*)(t_atomarray*)>("arrayobj_release");
  if (!kRetain || !kRelease) return std::nullopt;
  t_atomarray* const array = kRetain(name);
  if (!array) return std::nullopt;
  BufferValue value{.channels = 1, .frames = 0, .sample_rate = 0, .samples = {}};
  long count = 0;
  t_atom* atoms = nullptr;
  if (atomarray_getatoms(array, &count, &atoms) == 0) {
    value.frames = count;
    for (long i = 0; i < count; ++i) {
      value.samples.push_back(static_cast<float>(atom_getfloat(atoms + i)));
    }
  }
  kRelease(array);
  return value;
}

}  // namespace

Result<std::filesystem::path> find_model(const std::string& name) {
  if (name.empty()) return fail("there is no name of a model");
  const auto file = name.ends_with(".ts") ? name : name + ".ts";
  auto found = find_exactly(file);
  if (!found) return fail("could not find file '" + file + "'");
  return *found;
}

ArrayReader arrays_of(t_object* owner) {
  return [owner](const std::string& name) {
    t_symbol* const symbol = gensym(name.c_str());
    auto buffer = read_buffer(owner, symbol);
    return buffer ? buffer : read_numbers(symbol);
  };
}

void write_assist(const std::string& text, char* to) {
  constexpr std::size_t kMost = 255;
  const auto count = text.copy(to, kMost);
  to[count] = '\0';
}

std::vector<Word> to_words(long argc, const t_atom* argv) {
  std::vector<Word> words;
  for (long i = 0; i < argc; ++i) {
    const t_atom& atom = argv[i];
    if (atom.a_type == A_LONG) {
      words.emplace_back(static_cast<double>(atom.a_w.w_long));
    } else if (atom.a_type == A_FLOAT) {
      words.emplace_back(static_cast<double>(atom.a_w.w_float));
    } else {
      words.emplace_back(atom.a_type == A_SYM ? std::string(atom.a_w.w_sym->s_name)
                                              : std::string());
    }
  }
  return words;
}

Result<void> send(void* outlet, const std::string& selector, const std::vector<Value>& values) {
  auto atoms = to_atoms(values);
  if (atoms.size() > kMostAtoms) {
    return fail("'" + selector + "' would be " + std::to_string(atoms.size()) +
                " values, and a message of Max has " + std::to_string(kMostAtoms) + " at most");
  }
  outlet_anything(outlet, gensym(selector.c_str()), static_cast<short>(atoms.size()), atoms.data());
  return {};
}

std::vector<t_atom> to_atoms(const std::vector<Value>& values) {
  std::vector<t_atom> atoms;
  for (const auto& value : values) {
    if (const auto* truth = std::get_if<bool>(&value)) {
      atom_setlong(&atoms.emplace_back(), *truth ? 1 : 0);
    } else if (const auto* whole = std::get_if<std::int64_t>(&value)) {
      atom_setlong(&atoms.emplace_back(), static_cast<t_atom_long>(*whole));
    } else if (const auto* number = std::get_if<double>(&value)) {
      atom_setfloat(&atoms.emplace_back(), *number);
    } else if (const auto* tensor = std::get_if<TensorValue>(&value)) {
      for (const float element : tensor->data) {
        atom_setfloat(&atoms.emplace_back(), static_cast<double>(element));
      }
    } else {
      atom_setsym(&atoms.emplace_back(), gensym(to_text(value).c_str()));
    }
  }
  return atoms;
}

}  // namespace nnbridge::max
