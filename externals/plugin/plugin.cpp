// SPDX-License-Identifier: MIT
//
// The plugin as DPF wants it: hosts' words into the session's.
#include <DistrhoPlugin.hpp>
#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mixer.hpp"
#include "model_file.hpp"
#include "parameter_texts.hpp"
#include "parameters.hpp"
#include "session.hpp"
#include "window/live.hpp"

START_NAMESPACE_DISTRHO

namespace {

using namespace nnbridge::plugin;

enum StateId : unsigned {
  kModelState,
  kHashState,
  kFoldersState,
  kSlotState,
  kTurnedState,
  kProblemState,
  kStateCount
};

std::vector<std::filesystem::path> slots() {
  auto models = models_in(model_folders());
  if (models.size() > kSlots) models.resize(kSlots);
  return models;
}

class ModelPlugin final : public Plugin, public Live {
 public:
  ModelPlugin() : Plugin(kParameterCount, 0, kStateCount), models_(slots()), session_(models_) {
    for (auto& value : values_) value = 0.0F;
    values_[kMix] = 100.0F;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing here changes the environment
    if (const char* const file = std::getenv("NNBRIDGE_MODEL")) {
      session_.want({.path = file, .hash = {}, .folders = model_folders()});
    }
  }

  void listen(bool offline, int channels, bool process) noexcept {
    channels_ = std::min(channels, Mixer::kChannels);
    if (process) session_.process_as(offline, channels_);
    if (!process) offline_ = offline;
  }

  /// [audio]
  void reset() noexcept {
    mixer_.clear();
    session_.reset();
  }

  /// [main] Gives parameters the names of what the model that plays has.
  void describe() {
    Description description;
    if (!session_.described(seen_, description)) return;
    for (std::size_t k = 0; k < kAttributes; ++k) {
      auto& parameter = *attributes_[k];
      const bool used = k < description.attributes.size();
      parameter.ranges.def = description.own(k).value_or(range_of(kAttribute).normal);
      parameter.name =
          (used ? title_of(description.attributes[k].name) : attribute_name(k)).c_str();
      parameter.unit = used ? description.attributes[k].unit.c_str() : "";
    }
    attributes_[kAttributes]->ranges.def =
        description.own(kAttributes).value_or(range_of(kTemperature).normal);
    method_->enumValues.values[0].label = description.first.c_str();
    for (std::size_t k = kNamedMethods.size(); k < method_names().size(); ++k) {
      const std::size_t other = k - kNamedMethods.size();
      const bool used = other < description.others.size();
      method_->enumValues.values[k].label =
          (used ? description.others[other] : method_names()[k]).c_str();
    }
  }

  /// Whether there is something for `describe` since the last call. One thread's, whichever.
  bool has_news() noexcept {
    const int now = session_.descriptions();
    return std::exchange(news_, now) != now;
  }

  /// [main] See nnbridge_look_in.
  void look_in(void (*call)(void*), void* argument) { session_.look_in(call, argument); }

  /// [main] See nnbridge_restores.
  bool restores(unsigned parameter) const noexcept {
    const auto k = attribute_of(parameter);
    return !k || (kept_ >> *k & 1U) != 0;
  }

  /// Frames that may sound on after the input's end.
  uint32_t tail() const noexcept {
    // No file says how long it rings: as long as `nnbridge render` follows it.
    constexpr double kSeconds = 10.0;
    const auto method = method_names()[static_cast<std::size_t>(values_[kMethod].load())];
    if (method == "decode" || method == "prior") return UINT32_MAX;
    return static_cast<uint32_t>(kSeconds * getSampleRate());
  }

  // What the window looks at.
  std::array<float, kLatents> latents() const override {
    std::array<float, kLatents> values{};
    std::copy(session_.knobs().trace.begin(), session_.knobs().trace.end(), values.begin());
    return values;
  }
  float value(unsigned parameter) const override { return getParameterValue(parameter); }
  double sample_rate() const override { return getSampleRate(); }
  std::string model() const override { return session_.wanted().path; }
  std::string problem() const override { return session_.problem(); }
  bool described(int& seen, Description& description) const override {
    return session_.described(seen, description);
  }
  std::vector<std::string> models() const override {
    std::vector<std::string> names;
    names.reserve(models_.size());
    for (const auto& model : models_) names.push_back(model.stem().string());
    return names;
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
    if (index >= kParameterCount) return;
    init_parameter(index, parameter, models_);
    if (index == kMethod) method_ = &parameter;
    if (const auto k = attribute_of(index)) attributes_.at(*k) = &parameter;
    lowest_[index] = parameter.ranges.min;
    highest_[index] = parameter.ranges.max;
  }

  float getParameterValue(uint32_t index) const override {
    // Also on the audio thread: numbers in atomics.
    switch (index) {
      case kModel:
        return static_cast<float>(session_.slot());
      case kStatus:
        return static_cast<float>(session_.standing());
      case kLatency:
        return static_cast<float>(session_.latency());
      case kLoad:
        return static_cast<float>(100.0 * session_.load());
      case kLate:
        return static_cast<float>(session_.late());
      default:
        break;
    }
    if (const auto* const knob = find_knob(index)) return *knob;
    return index < kParameterCount ? values_[index].load() : 0.0F;
  }

  void setParameterValue(uint32_t index, float value) override {
    if (index >= kParameterCount || within(index, kStatus, kScale - kStatus)) return;
    if (!std::isfinite(value)) return;
    value =
        std::clamp(value, lowest_[index], highest_[index]);  // a damaged session may say anything
    if (const auto k = attribute_of(index)) return session_.turn(*k, value);
    if (auto* const knob = find_knob(index)) {
      *knob = value;
      return;
    }
    const int choice = static_cast<int>(std::lround(value));
    values_[index] = index == kMix || index == kGain ? value : static_cast<float>(choice);
    if (index == kMethod) session_.set_method(choice);
    if (index == kBlock) session_.set_block(block_frames(choice));
    if (index == kDeadline) session_.set_deadline(deadline_quarters(choice));
    if (index == kModel) session_.set_slot(choice);
  }

  void initState(uint32_t index, State& state) override {
    constexpr std::array kKeys{"model", "hash", "folders", "slot", "turned", "problem"};
    constexpr std::array kLabels{"Model file",
                                 "Content of the file",
                                 "Folders to look in",
                                 "Value of the parameter Model",
                                 "Attributes that are not the model's own",
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
    if (name == "slot") text = std::to_string(wanted.slot);
    if (name == "turned") text = std::to_string(session_.knobs().touched.load());
    if (name == "folders") {
      for (const auto& folder : wanted.folders) {
        text += (text.empty() ? "" : ":") + folder.string();
      }
    }
    if (name == "problem") text = session_.problem();
    return String(text.c_str());
  }

  /// A host may bring the parts in any order, and the parameter Model after them: its value then
  /// is the slot that it was, and the path rules.
  void setState(const char* key, const char* value) override {
    const std::string name = key;
    auto wanted = session_.wanted();
    if (name == "model") {
      kept_ = ~0U;
      // The same once more: the file may be there by now.
      if (wanted.path != value) {
        wanted.path = value;
        for (const auto& folder : model_folders()) add_folders(wanted.folders, folder.string());
      }
    } else if (name == "hash") {
      if (wanted.hash == value) return;
      wanted.hash = value;
    } else if (name == "folders") {
      add_folders(wanted.folders, value);
    } else if (name == "slot") {
      wanted.slot = static_cast<int>(std::clamp(std::strtol(value, nullptr, 10), 0L, long{kSlots}));
    } else if (name == "turned") {
      kept_ = static_cast<std::uint32_t>(std::strtoul(value, nullptr, 10));
      return session_.restore(kept_);
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
    const auto most = static_cast<uint32_t>(dry_[0].size());
    if (most == 0) return;
    for (uint32_t done = 0; done < frames;) {
      const uint32_t piece = std::min(most, frames - done);
      const std::array<const float*, Mixer::kChannels> in{inputs[0] + done, right(inputs, done)};
      const std::array<float*, Mixer::kChannels> out{outputs[0] + done, right(outputs, done)};
      run_piece(in.data(), out.data(), static_cast<int>(piece));
      done += piece;
    }
    setLatency(static_cast<uint32_t>(session_.latency()));
  }

 private:
  /// Where a parameter's value lives that the model's thread reads.
  std::atomic<float>* find_knob(uint32_t index) const noexcept {
    auto& knobs = session_.knobs();
    if (const auto k = attribute_of(index)) return &knobs.attributes.at(*k);
    if (within(index, kScale, kLatents)) return &knobs.scale[index - kScale];
    if (within(index, kBias, kLatents)) return &knobs.bias[index - kBias];
    if (within(index, kJitter, kLatents)) return &knobs.jitter[index - kJitter];
    return nullptr;
  }

  /// A mono track has no right side.
  template <class Sample>
  Sample* right(Sample* const* channels, uint32_t from) const noexcept {
    return channels_ > 1 ? channels[1] + from : nullptr;
  }

  void run_piece(const float* const* in, float* const* out, int frames) noexcept {
    const std::array<float*, Mixer::kChannels> dry{dry_[0].data(), dry_[1].data()};
    // First of all, since the host's inputs and outputs may be the same memory.
    mixer_.delay(in, dry.data(), channels_, frames, session_.latency());
    const bool wet = session_.process(in, out, channels_, frames);
    if (!wet) {
      for (int c = 0; c < channels_; ++c) std::fill_n(out[c], frames, 0.0F);
    }
    mix(out, dry.data(), frames, wet);
  }

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

  const std::vector<std::filesystem::path> models_;
  mutable Session session_;
  Mixer mixer_;
  std::array<std::vector<float>, Mixer::kChannels> dry_;
  std::array<std::atomic<float>, kParameterCount> values_;
  std::array<float, kParameterCount> lowest_{};
  std::array<float, kParameterCount> highest_{};
  bool offline_ = false;
  int channels_ = Mixer::kChannels;
  int news_ = 0;
  // The attributes, by bit, that the state read last had turned. Read on the audio thread by LV2.
  std::atomic<std::uint32_t> kept_{~0U};

  // Main's own; DPF owns the parameters.
  int seen_ = 0;
  Parameter* method_ = nullptr;
  std::array<Parameter*, kAttributes + 1> attributes_{};  // the last is the temperature
};

}  // namespace

Plugin* createPlugin() { return new ModelPlugin; }

END_NAMESPACE_DISTRHO

namespace {

DISTRHO::ModelPlugin& of(void* plugin) {
  return *static_cast<DISTRHO::ModelPlugin*>(static_cast<DISTRHO::Plugin*>(plugin));
}

}  // namespace

void nnbridge_host_says(void* plugin, bool offline, int channels, bool process) noexcept {
  of(plugin).listen(offline, channels, process);
}

nnbridge::plugin::Live* nnbridge_live(void* plugin) { return &of(plugin); }

void nnbridge_describe(void* plugin) { of(plugin).describe(); }

void nnbridge_look_in(void* plugin, void (*call)(void*), void* argument) {
  of(plugin).look_in(call, argument);
}

void nnbridge_reset(void* plugin) noexcept { of(plugin).reset(); }

bool nnbridge_has_news(void* plugin) noexcept { return of(plugin).has_news(); }

bool nnbridge_restores(void* plugin, std::uint32_t parameter) noexcept {
  return of(plugin).restores(parameter);
}

std::uint32_t nnbridge_tail(void* plugin) noexcept { return of(plugin).tail(); }
