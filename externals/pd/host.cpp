// SPDX-License-Identifier: MIT
#include "host.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <string_view>

#include "nnbridge/paths.hpp"

#if defined(_WIN32)
#define NOMINMAX
#include <windows.h>
#else
#include <dlfcn.h>
#endif
#if defined(__APPLE__)
#include <crt_externs.h>
#endif

namespace nnbridge::pd {
namespace {

void* find_in_pd(const char* name) {
#if defined(_WIN32)
  const HMODULE pd = GetModuleHandleA("pd.dll");
  return pd ? reinterpret_cast<void*>(GetProcAddress(pd, name)) : nullptr;
#else
  return dlsym(RTLD_DEFAULT, name);
#endif
}

using SetMultiout = void (*)(t_signal**, int);

SetMultiout set_multiout() {
  static auto function = reinterpret_cast<SetMultiout>(find_in_pd("signal_setmultiout"));
  return function;
}

/// How a signal begins since Pd 0.54.
struct MultichannelSignal {
  int length;
  t_sample* samples;
  t_float sample_rate;
  int channels;
};

std::vector<std::string> arguments_of_process() {
  std::vector<std::string> arguments;
#if defined(_WIN32)
  for (int i = 0; i < __argc; ++i) arguments.emplace_back(__argv[i]);
#elif defined(__APPLE__)
  for (int i = 0; i < *_NSGetArgc(); ++i) arguments.emplace_back((*_NSGetArgv())[i]);
#else
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  for (std::string argument; std::getline(file, argument, '\0');) arguments.push_back(argument);
#endif
  return arguments;
}

t_garray* find_array(const std::string& name) {
  return reinterpret_cast<t_garray*>(pd_findbyclass(gensym(name.c_str()), garray_class));
}

/// The array's words, or nothing.
struct Words {
  int count = 0;
  t_word* words = nullptr;

  explicit Words(const std::string& name) {
    auto* const array = find_array(name);
    if (array && !garray_getfloatwords(array, &count, &words)) count = 0;
  }
};

bool has_suffix(std::string_view name, std::string_view suffix) {
  return name.size() >= suffix.size() && name.substr(name.size() - suffix.size()) == suffix;
}

}  // namespace

bool has_multichannel() { return set_multiout() != nullptr; }

int channels_of(const t_signal& signal) {
  if (!has_multichannel()) return 1;
  return reinterpret_cast<const MultichannelSignal&>(signal).channels;
}

void set_channels(t_signal** signal, int channels) {
  if (set_multiout()) set_multiout()(signal, channels);
}

bool is_batch() {
  static bool batch = [] {
    for (const auto& argument : arguments_of_process()) {
      if (argument == "-batch") return true;
    }
    return false;
  }();
  return batch;
}

int frames_ahead(double sample_rate) {
  static const auto* microseconds = static_cast<const int*>(find_in_pd("sys_schedadvance"));
  constexpr int kUsual = 25000;
  constexpr int kMost = 1000000;
  const int ahead = std::clamp(microseconds ? *microseconds : kUsual, 0, kMost);
  return static_cast<int>(std::ceil(1e-6 * ahead * sample_rate));
}

std::string version() {
  int major = 0;
  int minor = 0;
  int bugfix = 0;
  sys_getversion(&major, &minor, &bugfix);
  return std::to_string(major) + "." + std::to_string(minor) + "-" + std::to_string(bugfix);
}

std::string with_suffix(const std::string& name) {
  return has_suffix(name, ".ts") ? name : name + ".ts";
}

std::optional<std::filesystem::path> find_model(const t_canvas* canvas, const std::string& name) {
  std::array<char, MAXPDSTRING> folder{};
  char* file = nullptr;
  const auto find = [&](const std::string& wanted) {
    const int opened = canvas_open(canvas, wanted.c_str(), "", folder.data(), &file,
                                   static_cast<unsigned>(folder.size()), 1);
    if (opened < 0) return false;
    sys_close(opened);
    return true;
  };
  if (name.empty()) return std::nullopt;
  const std::string whole = with_suffix(name);
  if (!find(whole) && (whole == name || !find(name))) return std::nullopt;
  return from_utf8(folder.data()) / from_utf8(file);
}

std::optional<BufferValue> read_array(const std::string& name) {
  if (!find_array(name)) return std::nullopt;
  const Words array(name);
  BufferValue buffer{.channels = 1,
                     .frames = array.count,
                     .sample_rate = static_cast<int>(std::lround(sys_getsr())),
                     .samples = {}};
  buffer.samples.reserve(static_cast<std::size_t>(array.count));
  for (int i = 0; i < array.count; ++i) buffer.samples.push_back(array.words[i].w_float);
  return buffer;
}

std::size_t fingerprint(const std::string& name) {
  if (!find_array(name)) return 0;
  const Words array(name);
  std::size_t print = 1469598103934665603ULL;
  for (int i = 0; i < array.count; ++i) {
    print = (print ^ std::bit_cast<std::uint32_t>(array.words[i].w_float)) * 1099511628211ULL;
  }
  return print | 1U;
}

Word to_word(const t_atom& atom) {
  if (atom.a_type == A_FLOAT) return static_cast<double>(atom.a_w.w_float);
  std::array<char, MAXPDSTRING> text{};
  if (atom.a_type == A_SYMBOL) return std::string(atom.a_w.w_symbol->s_name);
  atom_string(&atom, text.data(), static_cast<unsigned>(text.size()));
  return std::string(text.data());
}

std::vector<Word> to_words(int argc, const t_atom* argv) {
  std::vector<Word> words;
  words.reserve(static_cast<std::size_t>(argc));
  for (int i = 0; i < argc; ++i) words.push_back(to_word(argv[i]));
  return words;
}

void append(std::vector<t_atom>& atoms, double number) {
  t_atom& atom = atoms.emplace_back();
  SETFLOAT(&atom, static_cast<t_float>(number));
}

void append(std::vector<t_atom>& atoms, const std::string& text) {
  t_atom& atom = atoms.emplace_back();
  SETSYMBOL(&atom, gensym(text.c_str()));
}

void append(std::vector<t_atom>& atoms, const Value& value) {
  if (const auto* truth = std::get_if<bool>(&value)) return append(atoms, *truth ? 1.0 : 0.0);
  if (const auto* whole = std::get_if<std::int64_t>(&value)) {
    return append(atoms, static_cast<double>(*whole));
  }
  if (const auto* number = std::get_if<double>(&value)) return append(atoms, *number);
  if (const auto* tensor = std::get_if<TensorValue>(&value)) {
    for (const float element : tensor->data) append(atoms, static_cast<double>(element));
    return;
  }
  append(atoms, to_text(value));
}

}  // namespace nnbridge::pd
