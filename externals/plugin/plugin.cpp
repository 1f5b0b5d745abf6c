// SPDX-License-Identifier: MIT
//
// The plugin as DPF wants it: hosts' words into the session's.
#include <DistrhoPlugin.hpp>
#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "mixer.hpp"
#include "model_file.hpp"
#include "parameters.hpp"
#include "session.hpp"

START_NAMESPACE_DISTRHO

namespace {

using namespace nnbridge::plugin;

enum StateId : unsigned { kModelState, kHashState, kFoldersState, kProblemState, kStateCount };

/// The largest latency that the dry signal can follow.
constexpr int kLongestLatency = 1 << 19;

void enumerate(Parameter& parameter, const std::vector<std::string>& names) {
  parameter.hints |= kParameterIsInteger;
  parameter.ranges.max = static_cast<float>(std::max<std::size_t>(1, names.size() - 1));
  auto* const values = new ParameterEnumerationValue[names.size()];  // DPF frees it
  for (std::size_t i = 0; i < names.size(); ++i) {
    values[i].value = static_cast<float>(i);
    values[i].label = names[i].c_str();
  }
  parameter.enumValues.values = values;
  parameter.enumValues.count = static_cast<std::uint8_t>(names.size());
  parameter.enumValues.restrictedMode = true;
}

void name(Parameter& parameter, const char* text, const char* symbol, const char* unit = "") {
  parameter.name = text;
  parameter.symbol = symbol;
  parameter.unit = unit;
}

class ModelPlugin final : public Plugin {
 public:
  ModelPlugin() : Plugin(kParameterCount, 0, kStateCount) {
    constexpr std::size_t kMost = 127;  // DPF counts in 8 bits
    models_ = models_in(model_folders());
    if (models_.size() > kMost) models_.resize(kMost);
    for (auto& value : values_) value = 0.0F;
    values_[kMix] = 100.0F;
    if (const char* const file = std::getenv("NNBRIDGE_MODEL")) {
      session_.want({.path = file, .hash = {}, .folders = model_folders()});
    }
  }

  void listen(bool offline, int channels, bool process) noexcept {
    if (process && offline) session_.go_offline();
    if (!process) offline_ = offline;
    if (!process) channels_ = std::min(channels, Mixer::kChannels);
  }

 protected:
  const char* getLabel() const override { return "nnbridge"; }
  const char* getDescription() const override {
    return "Plays PyTorch audio models live, with exact latency.";
  }
  const char* getMaker() const override { return "nnbridge contributors"; }
  const char* getLicense() const override { return "MIT"; }
  uint32_t getVersion() const override { return d_version(0, 1, 0); }
  int64_t getUniqueId() const override { return d_cconst('N', 'n', 'B', 'r'); }

  void initParameter(uint32_t index, Parameter& parameter) override {
    parameter.hints = kParameterIsAutomatable;
    switch (index) {
      case kBypass:
        parameter.initDesignation(kParameterDesignationBypass);
        break;
      case kMix:
        name(parameter, "Mix", "mix", "%");
        parameter.ranges = {100.0F, 0.0F, 100.0F};
        break;
      case kGain:
        name(parameter, "Gain", "gain", "dB");
        parameter.ranges = {0.0F, -60.0F, 12.0F};
        break;
      case kMethod:
        name(parameter, "Method", "method");
        enumerate(parameter, method_names());
        break;
      case kBlock: {
        name(parameter, "Block", "block");
        std::vector<std::string> names;
        for (int i = 0; i < kBlocks; ++i) names.push_back(std::to_string(block_frames(i)));
        enumerate(parameter, names);
        break;
      }
      case kModel: {
        name(parameter, "Model", "model_slot");
        std::vector<std::string> names{"as chosen"};
        for (const auto& model : models_) names.push_back(model.stem().string());
        if (names.size() == 1) names.emplace_back("(no models found)");
        enumerate(parameter, names);
        break;
      }
      case kMissing:
        name(parameter, "Without a model", "missing");
        enumerate(parameter, {"dry", "silent"});
        break;
      case kStatus:
        name(parameter, "Status", "status");
        enumerate(parameter, {"no model", "loading", "playing", "missing", "failed"});
        parameter.hints = kParameterIsOutput | kParameterIsInteger;
        break;
      default:
        break;
    }
  }

  float getParameterValue(uint32_t index) const override {
    // Also on the audio thread: a number in an atomic.
    if (index == kStatus) return static_cast<float>(session_.standing());
    return index < kParameterCount ? values_[index].load() : 0.0F;
  }

  void setParameterValue(uint32_t index, float value) override {
    if (index >= kParameterCount || index == kStatus || !std::isfinite(value)) return;
    const float before = values_[index].exchange(value);
    const int choice = static_cast<int>(std::lround(value));
    const int methods = static_cast<int>(method_names().size());
    if (index == kMethod) session_.set_method(std::clamp(choice, 0, methods - 1));
    if (index == kBlock) session_.set_block(block_frames(std::clamp(choice, 0, kBlocks - 1)));
    if (index == kModel && before != value && choice > 0 &&
        choice <= static_cast<int>(models_.size())) {
      session_.want({.path = models_[static_cast<std::size_t>(choice - 1)].string(),
                     .hash = {},
                     .folders = model_folders()});
    }
  }

  void initState(uint32_t index, State& state) override {
    constexpr std::array kKeys{"model", "hash", "folders", "problem"};
    constexpr std::array kLabels{"Model file", "Content of the file", "Folders to look in",
                                 "What is wrong"};
    if (index >= kStateCount) return;
    state.key = kKeys[index];
    state.label = kLabels[index];
    state.hints = index == kModelState ? kStateIsFilenamePath : kStateIsOnlyForDSP;
  }

  String getState(const char* key) const override {
    const std::string name = key;
    const auto wanted = session_.wanted();
    std::string text;
    if (name == "model") text = wanted.path;
    if (name == "hash") text = wanted.hash;
    if (name == "folders") {
      for (const auto& folder : wanted.folders) {
        text += (text.empty() ? "" : ":") + folder.string();
      }
    }
    if (name == "problem") text = session_.problem();
    return String(text.c_str());
  }

  void setState(const char* key, const char* value) override {
    const std::string name = key;
    auto wanted = session_.wanted();
    if (name == "model") {
      if (wanted.path == value) return;
      wanted = {.path = value, .hash = {}, .folders = model_folders()};
    } else if (name == "hash") {
      if (wanted.hash == value || *value == '\0') return;
      wanted.hash = value;
    } else if (name == "folders") {
      add_folders(wanted.folders, value);
    } else {
      return;
    }
    session_.want(std::move(wanted));
  }

  void activate() override {
    mixer_.prepare(kLongestLatency);
    mixer_.clear();
    for (auto& line : dry_) line.assign(getBufferSize(), 0.0F);
    session_.activate({.sample_rate = static_cast<int>(std::lround(getSampleRate())),
                       .block = static_cast<int>(getBufferSize()),
                       .channels = channels_,
                       .offline = offline_});
    setLatency(static_cast<uint32_t>(session_.latency()));
  }

  void run(const float** inputs, float** outputs, uint32_t frames) override {
    const int count = static_cast<int>(frames);
    const std::array<float*, Mixer::kChannels> dry{dry_[0].data(), dry_[1].data()};
    // First of all, since the host's inputs and outputs may be the same memory.
    const int latency = session_.latency();
    mixer_.delay(inputs, dry.data(), channels_, count, latency);
    const bool wet = session_.process(inputs, outputs, channels_, count);
    if (!wet) {
      for (int c = 0; c < channels_; ++c) std::fill_n(outputs[c], frames, 0.0F);
    }
    mix(outputs, dry.data(), count, wet);
    setLatency(static_cast<uint32_t>(session_.latency()));
  }

 private:
  void mix(float* const* outputs, const float* const* dry, int frames, bool wet) noexcept {
    if (values_[kBypass] >= 0.5F) return mixer_.mix(outputs, dry, channels_, frames, 0.0F, 1.0F);
    const float level =
        values_[kGain] == 0.0F ? 1.0F : std::pow(10.0F, values_[kGain].load() / 20.0F);
    const bool silent = values_[kMissing] >= 0.5F;
    const float share = wet ? values_[kMix].load() / 100.0F : (silent ? 1.0F : 0.0F);
    mixer_.mix(outputs, dry, channels_, frames, level * share, level * (1.0F - share));
  }

  static void add_folders(std::vector<std::filesystem::path>& folders, const std::string& list) {
    std::size_t from = 0;
    while (from < list.size()) {
      const auto end = std::min(list.find(':', from), list.size());
      const std::filesystem::path folder = list.substr(from, end - from);
      if (!folder.empty() && std::find(folders.begin(), folders.end(), folder) == folders.end()) {
        folders.push_back(folder);
      }
      from = end + 1;
    }
  }

  mutable Session session_;
  Mixer mixer_;
  std::array<std::vector<float>, Mixer::kChannels> dry_;
  std::array<std::atomic<float>, kParameterCount> values_;
  std::vector<std::filesystem::path> models_;
  bool offline_ = false;
  int channels_ = Mixer::kChannels;
};

}  // namespace

Plugin* createPlugin() { return new ModelPlugin; }

END_NAMESPACE_DISTRHO

void nnbridge_host_says(void* plugin, bool offline, int channels, bool process) noexcept {
  static_cast<DISTRHO::ModelPlugin*>(static_cast<DISTRHO::Plugin*>(plugin))
      ->listen(offline, channels, process);
}
