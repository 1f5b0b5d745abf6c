// SPDX-License-Identifier: MIT
//
// Where everything in the window lies, what is under the pointer, and what a value looks like in
// words. Numbers alone, in pixels of the unscaled window: nothing here draws.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <string>

#include "parameters.hpp"

namespace nnbridge::plugin {

struct Box {
  float x = 0.0F;
  float y = 0.0F;
  float width = 0.0F;
  float height = 0.0F;

  constexpr float right() const { return x + width; }
  constexpr float bottom() const { return y + height; }
  constexpr bool holds(float at_x, float at_y) const {
    return at_x >= x && at_x < right() && at_y >= y && at_y < bottom();
  }
};

// The header.
inline constexpr Box kHeader{0, 0, 720, 52};
inline constexpr Box kModelField{120, 11, 384, 30};
inline constexpr Box kOpenButton{512, 11, 82, 30};
inline constexpr Box kBypassButton{602, 11, 98, 30};
// The left column.
inline constexpr Box kMethodField{20, 86, 204, 28};
inline constexpr Box kBlockField{20, 142, 98, 28};
inline constexpr Box kDeadlineField{126, 142, 98, 28};
inline constexpr Box kMixSlider{20, 204, 204, 18};
inline constexpr Box kGainSlider{20, 246, 204, 18};
inline constexpr Box kTemperatureSlider{20, 288, 204, 18};
inline constexpr Box kLatencyTile{20, 326, 204, 20};
inline constexpr Box kLoadTile{20, 348, 204, 20};
inline constexpr Box kLateTile{20, 370, 204, 20};
// The panel on the right.
inline constexpr Box kPanel{244, 66, 456, 326};
inline constexpr Box kLatentsTab{256, 74, 70, 24};
inline constexpr Box kAttributesTab{330, 74, 84, 24};
inline constexpr std::array<Box, 3> kRowTabs{
    {{506, 74, 58, 24}, {566, 74, 58, 24}, {626, 74, 62, 24}}};
inline constexpr Box kTrace{256, 108, 432, 104};
inline constexpr Box kColumns{256, 224, 432, 136};
inline constexpr Box kReadout{256, 368, 432, 18};
// The line that says how things stand.
inline constexpr Box kSentence{0, 400, 720, 48};

/// The fewer dimensions, the wider each of them.
constexpr Box latent_column(int index, int latents) {
  const float width = kColumns.width / static_cast<float>(std::clamp(latents, 8, kLatents));
  return {kColumns.x + width * static_cast<float>(index), kColumns.y, width, kColumns.height};
}

/// The slider of an attribute: two columns of eight, its name above it.
constexpr Box attribute_slider(int index) {
  constexpr int kRows = kAttributes / 2;
  const int column = index / kRows;
  const int row = index % kRows;
  return {256.0F + 222.0F * static_cast<float>(column), 120.0F + 33.0F * static_cast<float>(row),
          210.0F, 18.0F};
}

enum class Page { kLatentPage, kAttributePage };

/// What the three rows of latent parameters are called, in their order.
inline constexpr std::array<const char*, 3> kRows{"Scale", "Bias", "Jitter"};

enum class Part {
  kNothing,
  kModelList,
  kOpen,
  kBypass,
  kMethodList,
  kBlockList,
  kDeadlineList,
  kSlider,     // `index`: the parameter
  kPageTab,    // `index`: the page
  kRowTab,     // `index`: of kRows
  kMenuEntry,  // `index`: of the entries
};

struct Spot {
  Part part = Part::kNothing;
  int index = 0;

  constexpr bool operator==(const Spot&) const = default;
};

/// What there is to be seen at the moment.
struct Shown {
  Page page = Page::kLatentPage;
  int row = 1;         ///< of kRows
  int latents = 0;     ///< dimensions that the chosen method has
  int attributes = 0;  ///< that the model has
  bool temperature = false;
};

/// The box of a parameter's slider, and whether it is an upright one.
struct Slider {
  Box box;
  bool upright = false;
};

constexpr Slider slider_of(unsigned parameter, int latents = kLatents) {
  if (parameter == kMix) return {kMixSlider};
  if (parameter == kGain) return {kGainSlider};
  if (parameter == kTemperature) return {kTemperatureSlider};
  if (parameter >= kAttribute) return {attribute_slider(static_cast<int>(parameter - kAttribute))};
  return {latent_column(static_cast<int>((parameter - kScale) % kLatents), latents), true};
}

inline Spot spot_at(float x, float y, const Shown& shown) {
  const auto slider = [](unsigned parameter) {
    return Spot{Part::kSlider, static_cast<int>(parameter)};
  };
  if (kModelField.holds(x, y)) return {Part::kModelList};
  if (kOpenButton.holds(x, y)) return {Part::kOpen};
  if (kBypassButton.holds(x, y)) return {Part::kBypass};
  if (kMethodField.holds(x, y)) return {Part::kMethodList};
  if (kBlockField.holds(x, y)) return {Part::kBlockList};
  if (kDeadlineField.holds(x, y)) return {Part::kDeadlineList};
  if (kMixSlider.holds(x, y)) return slider(kMix);
  if (kGainSlider.holds(x, y)) return slider(kGain);
  if (shown.temperature && kTemperatureSlider.holds(x, y)) return slider(kTemperature);
  if (kLatentsTab.holds(x, y)) return {Part::kPageTab, static_cast<int>(Page::kLatentPage)};
  if (kAttributesTab.holds(x, y)) return {Part::kPageTab, static_cast<int>(Page::kAttributePage)};
  if (shown.page == Page::kAttributePage) {
    for (int k = 0; k < std::min(shown.attributes, kAttributes); ++k) {
      if (attribute_slider(k).holds(x, y)) return slider(kAttribute + static_cast<unsigned>(k));
    }
    return {};
  }
  if (shown.latents == 0) return {};
  for (std::size_t row = 0; row < kRowTabs.size(); ++row) {
    if (kRowTabs[row].holds(x, y)) return {Part::kRowTab, static_cast<int>(row)};
  }
  for (int k = 0; k < shown.latents; ++k) {
    if (latent_column(k, shown.latents).holds(x, y)) {
      return slider(kScale + static_cast<unsigned>(shown.row * kLatents + k));
    }
  }
  return {};
}

/// From 0 to 1, where on its way a value is.
inline float share_of(float value, const Range& range) {
  return std::clamp((value - range.lowest) / (range.highest - range.lowest), 0.0F, 1.0F);
}

/// The value of a slider where the pointer is. Close to where it stands of itself it snaps there.
inline float value_at(float x, float y, const Slider& slider, const Range& range) {
  constexpr float kMargin = 6.0F;  // half a handle: both ends can be reached
  constexpr float kSnap = 0.012F;
  const auto& box = slider.box;
  const float share = slider.upright ? (box.bottom() - kMargin - y) / (box.height - 2.0F * kMargin)
                                     : (x - box.x - kMargin) / (box.width - 2.0F * kMargin);
  const float kept = std::clamp(share, 0.0F, 1.0F);
  if (std::abs(kept - share_of(range.normal, range)) < kSnap) return range.normal;
  return range.lowest + kept * (range.highest - range.lowest);
}

/// The same the other way: along x, or for an upright slider along y.
inline float position_of(float value, const Slider& slider, const Range& range) {
  constexpr float kMargin = 6.0F;
  const auto& box = slider.box;
  const float share = share_of(value, range);
  if (slider.upright) return box.bottom() - kMargin - share * (box.height - 2.0F * kMargin);
  return box.x + kMargin + share * (box.width - 2.0F * kMargin);
}

/// A list that opens below its field, or above where there is no room.
struct Menu {
  Box field;
  int entries = 0;
  int first = 0;  ///< the topmost to be seen

  static constexpr float kEntry = 24.0F;
  static constexpr int kMost = 12;

  int seen() const { return std::min(entries, kMost); }
  Box box() const {
    const float height = kEntry * static_cast<float>(seen()) + 8.0F;
    const float below = field.bottom() + 4.0F;
    const bool fits = below + height <= kSentence.bottom();
    return {field.x, fits ? below : kSentence.bottom() - height - 4.0F, field.width, height};
  }
  Box entry(int index) const {
    const auto whole = box();
    return {whole.x + 4.0F, whole.y + 4.0F + kEntry * static_cast<float>(index - first),
            whole.width - 8.0F, kEntry};
  }
  /// The entry there, or -1.
  int at(float x, float y) const {
    for (int index = first; index < first + seen(); ++index) {
      if (entry(index).holds(x, y)) return index;
    }
    return -1;
  }
  void scroll(int by) { first = std::clamp(first + by, 0, entries - seen()); }
};

/// "1 536 000": digits in threes.
inline std::string grouped(long long number) {
  std::string text = std::to_string(number);
  for (auto at = static_cast<int>(text.size()) - 3; at > 0; at -= 3) {
    text.insert(static_cast<std::size_t>(at), " ");
  }
  return text;
}

inline std::string worded(const char* format, double value) {
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), format, value);
  return text.data();
}

/// A value of a continuous parameter of ours, with its unit.
inline std::string value_text(unsigned parameter, float value) {
  if (parameter == kMix) return worded("%.0f %%", value);
  if (parameter == kGain) return worded("%+.1f dB", value);
  return worded("%.2f", value);
}

inline std::string latency_text(long long samples, double sample_rate) {
  const double milliseconds =
      sample_rate > 0.0 ? 1e3 * static_cast<double>(samples) / sample_rate : 0.0;
  return grouped(samples) + worded(" samples, %.1f ms", milliseconds);
}

/// The end of a path: what people know a model by.
inline std::string model_name(const std::string& path) {
  const auto from = path.find_last_of('/') + 1;
  const auto ending = path.find_last_of('.');
  return path.substr(
      from, ending != std::string::npos && ending > from ? ending - from : std::string::npos);
}

}  // namespace nnbridge::plugin
