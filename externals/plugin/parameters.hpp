// SPDX-License-Identifier: MIT
#pragma once

namespace nnbridge::plugin {

/// In the order in which hosts show them. Hosts save them by symbol, but number them so: new ones
/// go to the end.
enum ParameterId : unsigned {
  kBypass,
  kMix,
  kGain,
  kMethod,
  kBlock,
  kModel,
  kMissing,
  kStatus,
  kParameterCount,
};

/// The model blocks to choose from: 512 samples times a power of two.
inline constexpr int kBlocks = 6;
constexpr int block_frames(int index) { return 512 << index; }

}  // namespace nnbridge::plugin
