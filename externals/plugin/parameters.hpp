// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <optional>

namespace nnbridge::plugin {

/// Latent dimensions that have parameters, and attributes of a model that do.
inline constexpr int kLatents = 16;
inline constexpr int kAttributes = 16;

/// In the order in which hosts show them. Hosts save them by symbol, but number them so: new ones
/// go to the end.
enum ParameterId : unsigned {
  kBypass,
  kMix,
  kGain,
  kMethod,
  kBlock,
  kDeadline,
  kModel,
  kMissing,
  kTemperature,
  kStatus,
  kLatency,
  kLoad,
  kLate,
  kScale,
  kBias = kScale + kLatents,
  kJitter = kBias + kLatents,
  kAttribute = kJitter + kLatents,
  kParameterCount = kAttribute + kAttributes,
};

/// Whether `index` is one of the `count` parameters from `first` on.
constexpr bool within(unsigned index, unsigned first, int count) {
  return index >= first && index < first + static_cast<unsigned>(count);
}

/// The model blocks to choose from: 512 samples times a power of two.
inline constexpr int kBlocks = 6;
constexpr int block_frames(int index) { return 512 << index; }

/// The worker's time, in quarters of a model block; `kAutomatic` follows the cost measured.
inline constexpr int kDeadlines = 6;
inline constexpr int kAutomatic = -1;
constexpr int deadline_quarters(int index) { return index - 1; }
inline constexpr std::array<const char*, kDeadlines> kDeadlineNames{
    "automatic", "none", "1/4 block", "1/2 block", "3/4 block", "block"};

/// Of a parameter that is no choice: what it stands at, and how far it goes.
struct Range {
  float normal = 0.0F;
  float lowest = 0.0F;
  float highest = 1.0F;
};

constexpr Range range_of(unsigned index) {
  if (index == kMix) return {100.0F, 0.0F, 100.0F};  // %
  if (index == kGain) return {0.0F, -60.0F, 12.0F};  // dB
  if (index == kTemperature) return {1.0F, 0.0F, 2.0F};
  if (index >= kScale && index < kBias) return {1.0F, -4.0F, 4.0F};
  if (index >= kBias && index < kJitter) return {0.0F, -4.0F, 4.0F};
  if (index >= kJitter && index < kAttribute) return {0.0F, 0.0F, 2.0F};
  return {};
}

/// Which of the model's attributes a parameter is, counting the temperature as the last.
constexpr std::optional<unsigned> attribute_of(unsigned index) {
  if (index == kTemperature) return kAttributes;
  if (!within(index, kAttribute, kAttributes)) return std::nullopt;
  return index - kAttribute;
}

/// Models in the folders that have a value of their own. Always as many, so that automation keeps
/// its meaning when a file is added.
inline constexpr int kSlots = 64;

}  // namespace nnbridge::plugin
