// SPDX-License-Identifier: MIT
#include "arguments.hpp"

#include <algorithm>

#include "settings.hpp"

namespace nnbridge::max {
namespace {

constexpr int kMostInlets = 1024;  // more channels than a signal of Max has
constexpr int kMostSamples = 1000000;

/// nn~ takes the largest ratio of the file where no size is given, which leaves models of ratio 1
/// with one sample. The block is the smallest that the model allows and not below this.
constexpr int kLeastBlock = 512;
constexpr int kItemsBlock = 4096;

}  // namespace

Arguments parse(Layout layout, const std::vector<Word>& words) {
  Arguments arguments;
  const bool items = layout == Layout::kItems;
  const auto text = [&](std::size_t at) {
    const auto* found = at < words.size() ? std::get_if<std::string>(&words[at]) : nullptr;
    return found ? *found : std::string();
  };
  const auto number = [&](std::size_t at, int otherwise, int most) {
    const auto* found = at < words.size() ? std::get_if<double>(&words[at]) : nullptr;
    return found ? static_cast<int>(std::clamp(*found, 0.0, static_cast<double>(most))) : otherwise;
  };
  arguments.empty = words.empty() || text(0) == "void";
  // A model may be named with a number, and a number may stand in the place of the method.
  if (!arguments.empty) arguments.model = patcher::to_name(words[0]);
  std::size_t next = 1;
  if (!arguments.empty && !text(next).empty()) arguments.method = text(next++);
  if (items) {
    arguments.inlets = std::max(1, number(next, 1, kMostInlets));
    arguments.outlets = arguments.inlets;
    arguments.block = number(next + 1, kItemsBlock, kMostSamples);
  } else if (arguments.empty) {
    arguments.inlets = std::max(1, number(next, 1, kMostInlets));
    arguments.outlets = std::max(1, number(next + 1, 1, kMostInlets));
    arguments.block = number(next + 2, kLeastBlock, kMostSamples);
  } else {
    arguments.block = number(next, kLeastBlock, kMostSamples);
    arguments.inlets = number(next + 1, 0, kMostInlets);
    arguments.outlets = number(next + 2, 0, kMostInlets);
  }
  return arguments;
}

}  // namespace nnbridge::max
