// SPDX-License-Identifier: MIT
#include "player/wish.hpp"

#include <array>
#include <cstdint>
#include <utility>

namespace nnbridge {
namespace {

enum class Part : std::uint8_t { kDevice, kFile, kMethod, kSettings };

void put_back(Wish& wish, const Wish& granted, Part part) {
  const bool any = !granted.path.empty();
  switch (part) {
    case Part::kDevice:
      wish.settings.device = any ? granted.settings.device : PlayerSettings{}.device;
      break;
    case Part::kFile:
      if (any) wish.path = granted.path;
      if (any) wish.loads = granted.loads;
      if (any) wish.fresh = false;
      break;
    case Part::kMethod:
      wish.settings.method = granted.settings.method;
      wish.may_fall_back = true;  // a file that is new knows nothing of it
      break;
    case Part::kSettings: {
      auto settings = granted.settings;
      settings.device = wish.settings.device;
      settings.method = wish.settings.method;
      wish.settings = settings;
      break;
    }
  }
}

/// Every field of the settings, as a pointer to the member.
template <class Use>
void for_each_setting(Use use) {
  use(&PlayerSettings::device);
  use(&PlayerSettings::method);
  use(&PlayerSettings::block);
  use(&PlayerSettings::resample);
  use(&PlayerSettings::deadline);
  use(&PlayerSettings::late);
  use(&PlayerSettings::seed);
  use(&PlayerSettings::latents);
  use(&PlayerSettings::nn_timing);
}

}  // namespace

bool ask_the_same(const Wish& one, const Wish& other) {
  return one.path == other.path && one.fresh == other.fresh && one.settings == other.settings;
}

std::vector<Wish> lesser_wishes(const Wish& wish, const Wish& granted) {
  std::array order{Part::kDevice, Part::kFile, Part::kMethod, Part::kSettings};
  if (!wish.may_fall_back) std::swap(order[1], order[2]);  // the method was asked for last
  std::vector<Part> parts;
  for (const auto part : order) {
    Wish lesser = wish;
    put_back(lesser, granted, part);
    if (!ask_the_same(lesser, wish)) parts.push_back(part);
  }
  std::vector<Wish> lesser_ones;
  for (unsigned chosen = 1; chosen < 1U << parts.size(); ++chosen) {
    lesser_ones.push_back(wish);
    for (std::size_t i = 0; i < parts.size(); ++i) {
      if ((chosen >> i & 1U) != 0) put_back(lesser_ones.back(), granted, parts[i]);
    }
  }
  return lesser_ones;
}

void rebase(Wish& later, const Wish& asked, const Wish& granted) {
  if (later.fresh || later.path != asked.path) return;  // another file may take what this did not
  later.path = granted.path;
  later.loads = granted.loads;
  if (granted.path.empty()) return;  // the settings may still fit the next file
  for_each_setting([&](auto setting) {
    if (later.settings.*setting == asked.settings.*setting) {
      later.settings.*setting = granted.settings.*setting;
    }
  });
}

}  // namespace nnbridge
