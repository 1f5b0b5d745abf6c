// SPDX-License-Identifier: MIT
//
// What a model runtime offers to the rest of nnbridge. LibTorch stands behind it in
// torchscript.cpp; the sanitizer tests put a stub there.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "nnbridge/contract.hpp"
#include "nnbridge/latents.hpp"
#include "nnbridge/result.hpp"

namespace nnbridge::engine {

/// What an instance is made to run: always the same shape, since the first calls with each new
/// shape are slow.
struct InstanceConfig {
  Chain chain;  ///< no methods: attributes only
  int batch = 1;
  int block = 0;                        ///< audio samples at the model's rate
  std::optional<int> sample_rate;       ///< told to a model that asks for it
  std::optional<std::uint64_t> seed;    ///< none: draws come from the process's own generator
  std::shared_ptr<LatentEdit> latents;  ///< none: untouched
};

/// A model with a state of its own. One thread at a time. Its program must outlive it.
class Instance {
 public:
  virtual ~Instance() = default;

  /// Runs the chain once: `in` holds `[batch, in_channels, block / in_ratio]` floats, `out` takes
  /// `[batch, out_channels, block / out_ratio]`. On an error `out` is undefined.
  virtual Result<void> run(const float* in, float* out) noexcept = 0;

  /// Back to the pristine state of the file. Attributes go back too.
  virtual Result<void> reset() noexcept = 0;

  virtual Result<void> set(const std::string& attribute,
                           const std::vector<Value>& values) noexcept = 0;
  virtual Result<std::vector<Value>> get(const std::string& attribute) noexcept = 0;
};

/// An opened file: its contract and weights, never changed after opening. Any thread.
class Program {
 public:
  virtual ~Program() = default;
  virtual const std::filesystem::path& path() const = 0;
  virtual const std::string& device() const = 0;
  virtual const Contract& contract() const = 0;
  /// In the pristine state of the file.
  virtual Result<std::unique_ptr<Instance>> instance(const InstanceConfig& config) = 0;
};

/// Opens a file. Defined by whichever engine is linked.
Result<std::shared_ptr<Program>> open_program(const std::filesystem::path& path,
                                              const std::string& device);

/// Runs something small, so that what the runtime builds at its first use exists from here on. What
/// is built later is destroyed earlier when the process exits: under the feet of a thread that is
/// still using it, if that thread is only stopped by an exit handler registered before. Takes up to
/// a tenth of a second.
void prepare_runtime() noexcept;

/// While it lives, the calling thread runs the model with one intra-op thread and with denormals
/// flushed to zero; other threads, a host's own torch among them, keep their settings.
class ThreadScope {
 public:
  ThreadScope();
  ~ThreadScope();
  ThreadScope(const ThreadScope&) = delete;
  ThreadScope& operator=(const ThreadScope&) = delete;

 private:
  int threads_;
  unsigned long long float_mode_;
};

}  // namespace nnbridge::engine
