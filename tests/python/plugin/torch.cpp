// SPDX-License-Identifier: MIT
//
// For a test: goes by the name of LibTorch 1.2.3 when the dynamic loader is asked for it.
#include <cstdint>

extern "C" std::uint64_t aoti_torch_abi_version() {
  constexpr auto kMajor = std::uint64_t{1} << 56U;
  constexpr auto kMinor = std::uint64_t{2} << 48U;
  constexpr auto kPatch = std::uint64_t{3} << 40U;
  return kMajor | kMinor | kPatch;
}
