// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "nnbridge/contract.hpp"
#include "nnbridge/result.hpp"

namespace nnbridge {

namespace engine {
class Program;
}

/// A model file, opened. Every function belongs to the control thread.
///
/// Models opened from one file on one device share their weights; each has its own attributes,
/// and each stream made from a model its own state. What is `set` here holds for the streams
/// made afterwards; a running stream has its own `Stream::set`.
class Model {
 public:
  /// Opens a TorchScript file on "cpu", "cuda", "cuda:1" or "mps". A damaged, truncated, foreign
  /// or newer file is an error, as is a device that this machine lacks.
  static Result<Model> open(const std::filesystem::path& path, const std::string& device = "cpu");

  /// Over an engine's program; for tests and for engines other than TorchScript.
  static Result<Model> over(std::shared_ptr<engine::Program> program);

  Model(Model&&) noexcept;
  Model& operator=(Model&&) noexcept;
  ~Model();

  const std::filesystem::path& path() const;
  const std::string& device() const;
  const Contract& contract() const;

  /// Sets an attribute, one value per element. An error carries the model's own answer.
  Result<void> set(const std::string& attribute, const std::vector<Value>& values);

  /// Reads an attribute's values.
  Result<std::vector<Value>> get(const std::string& attribute) const;

 private:
  friend class Stream;
  struct Impl;
  explicit Model(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace nnbridge
