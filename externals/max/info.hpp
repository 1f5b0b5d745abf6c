// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "host.hpp"
#include "nnbridge/player.hpp"

namespace nnbridge::max {

/// One nn.info in a patcher: says what a model file declares, and keeps no model. [main]
class Info {
 public:
  enum Outlet : std::uint8_t { kPath, kMethods, kAttributes, kParameters, kDictionary, kAvailable };
  static constexpr int kOutlets = 6;

  explicit Info(t_object* owner) : owner_(owner) {}
  ~Info();
  Info(const Info&) = delete;
  Info& operator=(const Info&) = delete;

  void set_outlet(int index, void* outlet) { outlets_[static_cast<std::size_t>(index)] = outlet; }
  /// The name under which the dictionary is known from now on; empty: one of its own.
  void bind(const std::string& name);

  /// Reads a file, away from this thread. What is asked meanwhile is answered when it has been
  /// read.
  void set(const std::string& model);
  void message(const std::string& name, const std::vector<Word>& words);
  static std::vector<const char*> message_names();
  /// Whether a file is being read. To be called every few milliseconds meanwhile.
  bool poll();

 private:
  void answer(const std::string& name, const std::vector<Word>& words);
  void dump(const Contract& contract, const std::filesystem::path& file);
  void path(const std::filesystem::path& file);
  void methods(const Contract& contract);
  void attributes(const Contract& contract);
  void parameters(const Contract& contract, const std::string& name);
  void parameters_of(const Method& method);
  void parameters_of(const Attribute& attribute);
  void dictionary(const Contract& contract);
  void out(Outlet outlet, const std::string& selector, const std::vector<Value>& values);
  void complain(const std::string& text);

  t_object* owner_;
  std::array<void*, kOutlets> outlets_{};
  std::string name_;  // of the dictionary; empty: none of the user's
  t_dictionary* dictionary_ = nullptr;
  t_symbol* registered_ = nullptr;
  std::filesystem::path path_;
  std::shared_ptr<const Contract> contract_;
  std::unique_ptr<Player> reader_;  // while a file is being read
  std::vector<std::function<void()>> waiting_;
};

}  // namespace nnbridge::max
