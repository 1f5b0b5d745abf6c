// SPDX-License-Identifier: MIT
#include "support/stub_engine.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <sstream>
#include <utility>

namespace nnbridge::stub {

void Knobs::close_gate() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
}

void Knobs::open_gate() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = false;
  }
  changed_.notify_all();
}

void Knobs::wait_until_held() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return held_ > 0; });
}

void Knobs::pass_gate() {
  std::unique_lock lock(mutex_);
  if (!closed_) return;
  ++held_;
  changed_.notify_all();
  changed_.wait(lock, [&] { return !closed_; });
  --held_;
}

std::vector<std::string> Knobs::changes() const {
  const std::lock_guard lock(mutex_);
  return changes_;
}

std::vector<std::uint64_t> Knobs::seeds() const {
  const std::lock_guard lock(mutex_);
  return seeds_;
}

std::vector<int> Knobs::sample_rates() const {
  const std::lock_guard lock(mutex_);
  return sample_rates_;
}

Method method(const std::string& name, int in_channels, int out_channels, int in_ratio,
              int out_ratio) {
  Method made;
  made.name = name;
  made.in_channels = in_channels;
  made.in_ratio = in_ratio;
  made.out_channels = out_channels;
  made.out_ratio = out_ratio;
  made.step = std::max(in_ratio, out_ratio);
  return made;
}

namespace {

Attribute attribute(const std::string& name, std::vector<AttributeType> types) {
  Attribute made;
  made.name = name;
  made.types = std::move(types);
  return made;
}

Value zero_of(AttributeType type) {
  switch (type) {
    case AttributeType::kBool:
      return false;
    case AttributeType::kInt:
      return std::int64_t{0};
    case AttributeType::kFloat:
      return 0.0;
    case AttributeType::kString:
      return std::string();
    case AttributeType::kTensor:
      return TensorValue{};
    case AttributeType::kBuffer:
      return BufferValue{};
  }
  return false;
}

std::string text_of(const Value& value) {
  std::ostringstream text;
  if (const auto* truth = std::get_if<bool>(&value)) text << (*truth ? "true" : "false");
  if (const auto* whole = std::get_if<std::int64_t>(&value)) text << *whole;
  if (const auto* real = std::get_if<double>(&value)) text << *real;
  if (const auto* word = std::get_if<std::string>(&value)) text << *word;
  if (const auto* tensor = std::get_if<TensorValue>(&value)) text << tensor->data.size();
  if (const auto* buffer = std::get_if<BufferValue>(&value)) text << buffer->samples.size();
  return text.str();
}

/// Takes one from a counter, unless none is left.
bool take(std::atomic<int>& counter) {
  int left = counter.load();
  while (left > 0) {
    if (counter.compare_exchange_weak(left, left - 1)) return true;
  }
  return false;
}

}  // namespace

Spec spec() {
  using enum AttributeType;
  Spec made;
  made.methods = {method()};
  made.attributes = {attribute("gain", {kFloat}),    attribute("offset", {kFloat}),
                     attribute("on", {kBool}),       attribute("steps", {kInt}),
                     attribute("name", {kString}),   attribute("shape", {kTensor}),
                     attribute("sample", {kBuffer}), attribute("pair", {kFloat, kInt}),
                     attribute("refuses", {kFloat})};
  return made;
}

std::int64_t source_frame(std::int64_t n, int in_ratio, int out_ratio) {
  const std::int64_t last_of_step = (n / out_ratio + 1) * out_ratio - 1;
  return (last_of_step / in_ratio + 1) * in_ratio - 1;
}

class StubInstance : public engine::Instance {
 public:
  StubInstance(const Spec& spec, const Contract& contract, Knobs& knobs,
               const engine::InstanceConfig& config)
      : spec_(spec), contract_(contract), knobs_(knobs), config_(config) {
    ++knobs_.live_;
    if (!config.chain.methods.empty()) {
      const auto rows = static_cast<std::size_t>(config.batch * config.chain.out_channels());
      before_.resize(rows);
      line_.resize(rows * static_cast<std::size_t>(spec.delay));
    }
    clear();
  }

  ~StubInstance() override { --knobs_.live_; }

  Result<void> run(const float* in, float* out) noexcept override {
    ++knobs_.started_;
    knobs_.pass_gate();
    const auto done = compute(in, out);
    ++knobs_.runs_;
    return done;
  }

  Result<void> reset() noexcept override {
    ++knobs_.resets_;
    if (knobs_.fail_resets_.load()) return fail("The stub was told not to reset.");
    clear();
    return {};
  }

  Result<void> set(const std::string& name, const std::vector<Value>& values) noexcept override {
    const auto attribute = contract_.attribute(name);
    if (!attribute) return tl::unexpected(attribute.error());
    if (name == "refuses") return fail("The stub refuses " + text_of(values.at(0)) + ".");
    if (values.size() != attribute->types.size()) return fail("'" + name + "': wrong count.");
    std::vector<Value> converted;
    std::string text = name + "=";
    for (std::size_t i = 0; i < values.size(); ++i) {
      auto value = convert(values[i], attribute->types[i], name);
      if (!value) return tl::unexpected(value.error());
      text += (i == 0 ? "" : " ") + text_of(*value);
      converted.push_back(std::move(*value));
    }
    values_[name] = std::move(converted);
    {
      const std::lock_guard lock(knobs_.mutex_);
      knobs_.changes_.push_back(text);
    }
    return {};
  }

  Result<std::vector<Value>> get(const std::string& name) noexcept override {
    const auto attribute = contract_.attribute(name);
    if (!attribute) return tl::unexpected(attribute.error());
    return values_.at(name);
  }

 private:
  void clear() {
    std::fill(before_.begin(), before_.end(), 0.0F);
    std::fill(line_.begin(), line_.end(), 0.0F);
    position_ = 0;
    values_.clear();
    for (const auto& attribute : contract_.attributes) {
      auto& values = values_[attribute.name];
      for (const auto type : attribute.types) values.push_back(zero_of(type));
    }
    if (values_.contains("gain")) values_["gain"] = {1.0};
  }

  float number(const std::string& name, float otherwise) const {
    const auto found = values_.find(name);
    if (found == values_.end()) return otherwise;
    return static_cast<float>(std::get<double>(found->second.at(0)));
  }

  Result<void> compute(const float* in, float* out) {
    if (take(knobs_.failures_)) return fail("The stub was told to fail.");
    const auto& chain = config_.chain;
    const auto in_channels = static_cast<std::size_t>(chain.in_channels());
    const auto out_channels = static_cast<std::size_t>(chain.out_channels());
    const auto in_steps = static_cast<std::size_t>(config_.block / chain.in_ratio());
    const auto out_steps = static_cast<std::size_t>(config_.block / chain.out_ratio());
    const float factor = spec_.scale * number("gain", 1);
    const float offset = number("offset", 0);
    const bool poison = take(knobs_.nans_);
    for (std::size_t row = 0; row < before_.size(); ++row) {
      const std::size_t in_row =
          row / out_channels * in_channels + row % out_channels % in_channels;
      for (std::size_t step = 0; step < out_steps; ++step) {
        const std::size_t end = (step + 1) * static_cast<std::size_t>(chain.out_ratio()) - 1;
        const float x = in[in_row * in_steps + end / static_cast<std::size_t>(chain.in_ratio())];
        float y = factor * delayed(row, step, x) + offset;
        if (spec_.feedback != 0.0F) y += spec_.feedback * before_[row];
        if (poison && step == 0) y = std::numeric_limits<float>::quiet_NaN();
        before_[row] = y;
        out[row * out_steps + step] = y;
      }
    }
    position_ += out_steps;
    return {};
  }

  float delayed(std::size_t row, std::size_t step, float x) {
    if (spec_.delay == 0) return x;
    const auto delay = static_cast<std::size_t>(spec_.delay);
    return std::exchange(line_[row * delay + (position_ + step) % delay], x);
  }

  const Spec& spec_;
  const Contract& contract_;
  Knobs& knobs_;
  engine::InstanceConfig config_;
  std::map<std::string, std::vector<Value>> values_;
  std::vector<float> before_;  // of each row
  std::vector<float> line_;
  std::size_t position_ = 0;
};

class StubProgram : public Program {
 public:
  explicit StubProgram(const Spec& spec) : spec_(spec), path_(spec.path) {
    contract_.methods = spec.methods;
    contract_.attributes = spec.attributes;
    contract_.sample_rate = spec.sample_rate;
  }

  const std::filesystem::path& path() const override { return path_; }
  const std::string& device() const override { return device_; }
  const Contract& contract() const override { return contract_; }
  Knobs& knobs() override { return knobs_; }

  Result<std::unique_ptr<engine::Instance>> instance(
      const engine::InstanceConfig& config) override {
    {
      const std::lock_guard lock(knobs_.mutex_);
      if (config.seed) knobs_.seeds_.push_back(*config.seed);
      if (config.sample_rate) knobs_.sample_rates_.push_back(*config.sample_rate);
    }
    return std::make_unique<StubInstance>(spec_, contract_, knobs_, config);
  }

 private:
  Spec spec_;
  Contract contract_;
  std::filesystem::path path_;
  std::string device_ = "cpu";
  Knobs knobs_;
};

std::shared_ptr<Program> program(const Spec& spec) { return std::make_shared<StubProgram>(spec); }

}  // namespace nnbridge::stub
