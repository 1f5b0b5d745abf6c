// SPDX-License-Identifier: MIT
#pragma once

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

/// The model blocks to choose from: 512 samples times a power of two.
inline constexpr int kBlocks = 6;
constexpr int block_frames(int index) { return 512 << index; }

/// The worker's time, in quarters of a model block; `kAutomatic` follows the cost measured.
inline constexpr int kDeadlines = 6;
inline constexpr int kAutomatic = -1;
constexpr int deadline_quarters(int index) { return index - 1; }

/// Models in the folders that have a value of their own. Always as many, so that automation keeps
/// its meaning when a file is added.
inline constexpr int kSlots = 64;

}  // namespace nnbridge::plugin
