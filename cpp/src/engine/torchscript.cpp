// SPDX-License-Identifier: MIT
//
// LibTorch behind the engine's interface.
#include "engine/torchscript.hpp"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <caffe2/serialize/versions.h>
#include <torch/version.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <functional>
#include <mutex>
#include <unordered_map>

#include "engine/archive.hpp"
#include "engine/engine.hpp"
#include "engine/float_mode.hpp"
#include "engine/manifest.hpp"
#include "nnbridge/paths.hpp"

#ifdef NNBRIDGE_OPENMP
// Declared here, since not every compiler that can link torch's OpenMP library has its header.
extern "C" {
int omp_get_max_threads();
void omp_set_num_threads(int count);
}
#endif

namespace nnbridge::engine {
namespace {

using torch::jit::IValue;
using torch::jit::Module;

std::string shape_text(at::IntArrayRef shape) { return c10::str(shape); }

/// From a stream: on Windows torch 2.13 reads names in the code page of the user (its issue
/// 157624).
Module load_module(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return torch::jit::load(file, at::kCPU);
}

/// Random numbers of one stream, drawn from the process's one CPU generator: its state is lent for
/// the time of a call, so that neither the host's own torch nor another stream is disturbed.
class SeededDraws {
 public:
  explicit SeededDraws(std::uint64_t seed) : seed_(seed) { restart(); }

  void restart() {
    at::Generator generator = at::make_generator<at::CPUGeneratorImpl>();
    generator.set_current_seed(seed_);
    state_ = generator.get_state();
  }

  class Lease {
   public:
    explicit Lease(SeededDraws* draws) : draws_(draws) {
      if (!draws_) return;
      lock_ = std::unique_lock(mutex());
      generator_ = at::detail::getDefaultCPUGenerator();
      const std::lock_guard guard(generator_.mutex());
      outside_ = generator_.get_state();
      generator_.set_state(draws_->state_);
    }
    ~Lease() {
      if (!draws_) return;
      const std::lock_guard guard(generator_.mutex());
      draws_->state_ = generator_.get_state();
      generator_.set_state(outside_);
    }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;

   private:
    static std::mutex& mutex() {
      static std::mutex one;
      return one;
    }
    SeededDraws* draws_;
    std::unique_lock<std::mutex> lock_;
    at::Generator generator_;
    at::Tensor outside_;
  };

 private:
  std::uint64_t seed_;
  at::Tensor state_;
};

/// One method of a chain, bound to an instance's module.
struct Step {
  Method method;
  torch::jit::Function* function = nullptr;
  std::vector<IValue> defaults;  ///< of the arguments after the signal
};

Result<std::vector<IValue>> defaults_of(const torch::jit::Function& function) {
  const auto& arguments = function.getSchema().arguments();
  if (arguments.size() < 2) return fail("'" + function.name() + "' takes no signal.");
  std::vector<IValue> defaults;
  for (std::size_t i = 2; i < arguments.size(); ++i) {
    if (!arguments[i].default_value()) {
      return fail("'" + function.name() + "' wants an argument '" + arguments[i].name() +
                  "' without a default value, which a stream can't give.");
    }
    defaults.push_back(*arguments[i].default_value());
  }
  return defaults;
}

class TorchInstance final : public Instance {
 public:
  /// `renew` makes a module with the state of the file and nobody else's.
  TorchInstance(std::function<Module()> renew, const Contract& contract, at::Device device,
                const InstanceConfig& config)
      : renew_(std::move(renew)), contract_(contract), device_(device), config_(config) {
    if (config_.seed) draws_.emplace(*config_.seed);
  }

  Result<void> bind() {
    steps_.clear();
    for (const auto& method : config_.chain.methods) {
      torch::jit::Function& function = module_.get_method(method.name).function();
      auto defaults = defaults_of(function);
      if (!defaults) return tl::unexpected(defaults.error());
      steps_.push_back({method, &function, std::move(*defaults)});
    }
    return {};
  }

  Result<void> reset() noexcept override {
    try {
      module_ = renew_();
      if (draws_) draws_->restart();
      latent_step_ = 0;
      if (config_.sample_rate && contract_.follows_sample_rate) {
        const c10::InferenceMode guard;
        module_.get_method("set_sample_rate")({static_cast<std::int64_t>(*config_.sample_rate)});
      }
      return bind();
    } catch (const std::exception& error) {
      return fail("The model can't be reset (" + model_message(error) + ").");
    }
  }

  Result<void> set(const std::string& name, const std::vector<Value>& values) noexcept override {
    const auto attribute = contract_.attribute(name);
    if (!attribute) return tl::unexpected(attribute.error());
    return set_attribute(module_, *attribute, values, device_);
  }

  Result<std::vector<Value>> get(const std::string& name) noexcept override {
    const auto attribute = contract_.attribute(name);
    if (!attribute) return tl::unexpected(attribute.error());
    return get_attribute(module_, *attribute);
  }

  Result<void> run(const float* in, float* out) noexcept override {
    try {
      const c10::InferenceMode guard;
      const SeededDraws::Lease lease(draws_ ? &*draws_ : nullptr);
      const auto& chain = config_.chain;
      // Fresh memory for every block: a model may keep its input, or a view of it, as state.
      at::Tensor signal = at::empty(
          {config_.batch, chain.in_channels(), config_.block / chain.in_ratio()}, at::kFloat);
      std::memcpy(signal.data_ptr<float>(), in,
                  static_cast<std::size_t>(signal.numel()) * sizeof(float));
      if (!device_.is_cpu()) signal = signal.to(device_);
      int ratio = chain.in_ratio();
      for (auto& step : steps_) {
        if (ratio != step.method.in_ratio) signal = change_ratio(signal, ratio, step.method);
        if (&step == &steps_.back()) edit_latents(signal, step.method);
        auto result = call(step, signal);
        if (!result) return tl::unexpected(result.error());
        signal = std::move(*result);
        ratio = step.method.out_ratio;
      }
      // Whatever device the program put it on, and whatever lazy sign it bears.
      signal = signal.to(at::kCPU).resolve_conj().resolve_neg().contiguous();
      std::memcpy(out, signal.data_ptr<float>(),
                  static_cast<std::size_t>(signal.numel()) * sizeof(float));
      return {};
    } catch (const std::exception& error) {
      return fail(model_message(error));
    } catch (...) {
      return fail("The model failed with an unknown exception.");
    }
  }

 private:
  /// Between two methods at different rates: each value is held, and the last of a group kept.
  at::Tensor change_ratio(const at::Tensor& signal, int from, const Method& to) const {
    at::Tensor held = from == 1 ? signal : signal.repeat_interleave(from, 2);
    if (to.in_ratio == 1) return held;
    return held.slice(2, to.in_ratio - 1, std::nullopt, to.in_ratio).contiguous();
  }

  void edit_latents(at::Tensor& signal, const Method& to) {
    if (!config_.latents || to.in_ratio == 1) return;
    const auto device = signal.device();
    // A tensor of its own: the method before may keep what it gave as state.
    at::Tensor edited = signal.to(at::kCPU).resolve_conj().resolve_neg().contiguous().clone();
    const auto channels = static_cast<int>(edited.size(1));
    const auto steps = static_cast<int>(edited.size(2));
    for (int item = 0; item < config_.batch; ++item) {
      float* const values = edited.data_ptr<float>() + std::ptrdiff_t{item} * channels * steps;
      config_.latents->edit(values, channels, steps, latent_step_);
    }
    latent_step_ += steps;
    signal = edited.to(device);
  }

  Result<at::Tensor> call(Step& step, at::Tensor& signal) {
    stack_.clear();
    stack_.emplace_back(module_._ivalue());
    stack_.emplace_back(std::move(signal));
    stack_.insert(stack_.end(), step.defaults.begin(), step.defaults.end());
    step.function->run(stack_);
    const IValue answer = std::move(stack_.back());
    const std::string& name = step.method.name;
    if (!answer.isTensor() || !answer.toTensor().defined()) {
      return fail("'" + name + "' returned " + answer.tagKind() + " instead of a tensor.");
    }
    at::Tensor result = answer.toTensor();
    const std::int64_t frames = config_.block / step.method.out_ratio;
    if (result.dim() != 3 || result.size(0) != config_.batch ||
        result.size(1) != step.method.out_channels || result.size(2) != frames) {
      return fail("'" + name + "' returned the shape " + shape_text(result.sizes()) +
                  "; its registration says " +
                  shape_text({config_.batch, step.method.out_channels, frames}) + ".");
    }
    if (result.scalar_type() != at::kFloat) {
      // Other precisions of the same thing are taken; whole or complex numbers are a mistake.
      if (!result.is_floating_point()) {
        return fail("'" + name + "' returned " + c10::toString(result.scalar_type()) +
                    " values; a signal is float32.");
      }
      result = result.to(at::kFloat);
    }
    return result;
  }

  std::function<Module()> renew_;
  Module module_;
  const Contract& contract_;  // its program's
  at::Device device_;
  InstanceConfig config_;
  std::optional<SeededDraws> draws_;
  std::vector<Step> steps_;
  std::vector<IValue> stack_;
  std::int64_t latent_step_ = 0;
};

class TorchProgram final : public Program {
 public:
  TorchProgram(std::filesystem::path path, std::string device_name, at::Device device,
               Module module, Contract contract)
      : path_(std::move(path)),
        device_name_(std::move(device_name)),
        device_(device),
        module_(std::move(module)),
        contract_(std::move(contract)),
        weights_(find_weights(module_)) {}

  const std::filesystem::path& path() const override { return path_; }
  const std::string& device() const override { return device_name_; }
  const Contract& contract() const override { return contract_; }

  Result<std::unique_ptr<Instance>> instance(const InstanceConfig& config) override {
    // The caller's thread may be in inference mode, whose tensors tell no versions.
    const c10::InferenceMode outside(false);
    if (config.seed && !device_.is_cpu()) {
      return fail("A seed works on the device cpu only, not on '" + device_name_ + "'.");
    }
    try {
      probe(config);
    } catch (const std::exception& error) {
      return fail("The model can't be copied (" + model_message(error) + ").");
    }
    auto instance =
        std::make_unique<TorchInstance>([this] { return renew(); }, contract_, device_, config);
    if (auto ready = instance->reset(); !ready) return tl::unexpected(ready.error());
    return instance;
  }

 private:
  Module renew() {
    const c10::InferenceMode outside(false);
    if (weights_.program_keeps_state) {
      Module module = load_module(path_);
      module.eval();
      module.to(device_);
      return module;
    }
    const std::lock_guard lock(mutex_);
    return copy_state(module_, weights_);
  }

  /// Runs a chain that is new here on a copy that shares nothing, and stops sharing the parameters
  /// that it changed: reading the program finds most writes, but not all.
  void probe(const InstanceConfig& config) {
    const std::lock_guard probing(probe_mutex_);  // nobody goes on before it is known
    {
      const std::lock_guard lock(mutex_);
      if (config.chain.methods.empty() || weights_.tensors.empty() ||
          !probed_.insert(config.chain.name).second) {
        return;
      }
    }
    Module copy = copy_state(module_, {});
    std::unordered_map<std::string, std::uint32_t> versions;
    for (const auto& item : copy.named_parameters()) versions[item.name] = item.value._version();
    InstanceConfig one = config;
    one.batch = 1;
    TorchInstance instance([&copy] { return copy; }, contract_, device_, one);
    if (!instance.reset()) return;
    const auto& chain = one.chain;
    const std::vector<float> in(static_cast<std::size_t>(chain.in_channels()) *
                                static_cast<std::size_t>(one.block / chain.in_ratio()));
    std::vector<float> out(static_cast<std::size_t>(chain.out_channels()) *
                           static_cast<std::size_t>(one.block / chain.out_ratio()));
    constexpr int kCalls = 3;
    const ThreadScope scope;
    for (int i = 0; i < kCalls; ++i) (void)instance.run(in.data(), out.data());
    const std::lock_guard lock(mutex_);
    for (const auto& item : copy.named_parameters()) {
      if (item.value._version() == versions[item.name]) continue;
      std::erase_if(weights_.tensors,
                    [&](const auto& weight) { return weight.first == item.name; });
    }
  }

  std::filesystem::path path_;
  std::string device_name_;
  at::Device device_;
  Module module_;
  Contract contract_;
  std::mutex probe_mutex_;
  std::mutex mutex_;  // of what follows
  Weights weights_;
  std::unordered_set<std::string> probed_;  // chains
};

Result<at::Device> find_device(const std::string& name) {
  try {
    const at::Device device(name);
    if (device.is_cpu()) return device;
    if (device.is_cuda() && at::hasCUDA()) return device;
    if (device.is_mps() && at::hasMPS()) return device;
  } catch (const std::exception&) {
    return fail("There is no device '" + name + "': choose cpu, cuda, cuda:1 … or mps.");
  }
  return fail("The device '" + name +
              "' is not available here (LibTorch " TORCH_VERSION " finds none): choose cpu.");
}

}  // namespace

std::string model_message(const std::exception& error) {
  std::string text = error.what();
  if (const auto* torch_error = dynamic_cast<const c10::Error*>(&error)) {
    text = torch_error->what_without_backtrace();
  }
  const auto is_space = [](char c) { return c == '\n' || c == ' '; };
  while (!text.empty() && is_space(text.back())) text.pop_back();
  text.erase(text.begin(), std::find_if_not(text.begin(), text.end(), is_space));
  // A program that fails tells a traceback first and the message last; one that can't be read tells
  // the message first and the place last.
  if (text.ends_with("<--- HERE")) {
    text.erase(std::min(text.find('\n'), text.size()));
  } else if (const auto line = text.rfind('\n'); line != std::string::npos) {
    text.erase(0, line + 1);
  }
  constexpr std::string_view kNoise = "builtins.";
  if (text.starts_with(kNoise)) text.erase(0, kNoise.size());
  return text;
}

Result<std::shared_ptr<Program>> open_program(const std::filesystem::path& path,
                                              const std::string& device_name) {
  const auto device = find_device(device_name);
  if (!device) return tl::unexpected(device.error());
  auto archive = inspect_archive(path);
  if (!archive) return tl::unexpected(archive.error());
  const std::string quoted = "'" + to_utf8(path) + "'";
  if (archive->version >
      static_cast<std::int64_t>(caffe2::serialize::kMaxSupportedFileFormatVersion)) {
    return fail(quoted + " was made by a newer torch (file format " +
                std::to_string(archive->version) + "; LibTorch " TORCH_VERSION " reads up to " +
                std::to_string(caffe2::serialize::kMaxSupportedFileFormatVersion) +
                "): update nnbridge, or export with an older torch.");
  }
  try {
    const c10::InferenceMode outside(false);
    Module module = load_module(path);
    module.eval();
    module.to(*device);
    auto contract = read_contract(module);
    if (!contract) {
      return fail(quoted + " can't be used: " + contract.error().message + ".");
    }
    if (archive->manifest) {
      if (auto applied = apply_manifest(*archive->manifest, *contract); !applied) {
        return fail(quoted + " can't be used: " + applied.error().message + ".");
      }
    }
    return std::make_shared<TorchProgram>(path, device_name, *device, std::move(module),
                                          std::move(*contract));
  } catch (const std::exception& error) {
    return fail(quoted + " can't be loaded by LibTorch " TORCH_VERSION " (" + model_message(error) +
                ").");
  } catch (...) {
    return fail(quoted + " can't be loaded: LibTorch failed with an unknown exception.");
  }
}

ThreadScope::ThreadScope() {
#ifdef NNBRIDGE_OPENMP
  // OpenMP's setting is the calling thread's alone; at::set_num_threads would also become the
  // default of every later thread of the host. Asked first, ATen makes its own setting of this
  // thread now, and not over ours at the first operation.
  at::get_num_threads();
  threads_ = omp_get_max_threads();
  omp_set_num_threads(1);
#else
  threads_ = at::get_num_threads();
  at::set_num_threads(1);
#endif
  float_mode_ = flush_denormals();
}

ThreadScope::~ThreadScope() {
  restore_float_mode(float_mode_);
#ifdef NNBRIDGE_OPENMP
  omp_set_num_threads(threads_);
#else
  at::set_num_threads(threads_);
#endif
}

}  // namespace nnbridge::engine
