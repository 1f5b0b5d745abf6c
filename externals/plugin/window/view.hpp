// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "layout.hpp"
#include "live.hpp"

namespace nnbridge::plugin {

/// The latest latent values, about four seconds of them at the rate at which the window looks.
class History {
 public:
  static constexpr int kLength = 128;

  void push(const std::array<float, kLatents>& values) {
    rows_[static_cast<std::size_t>(at_)] = values;
    at_ = (at_ + 1) % kLength;
    count_ = std::min(count_ + 1, kLength);
  }
  void clear() { count_ = 0; }
  int size() const { return count_; }
  /// `age` 0 is the latest.
  const std::array<float, kLatents>& at(int age) const {
    return rows_[static_cast<std::size_t>((at_ - 1 - age + 2 * kLength) % kLength)];
  }

 private:
  std::array<std::array<float, kLatents>, kLength> rows_{};
  int at_ = 0;
  int count_ = 0;
};

struct Entry {
  std::string text;
  bool possible = true;
  bool chosen = false;
};

/// A list that is open.
struct OpenMenu {
  Menu place;
  Part field = Part::kNothing;
  std::vector<Entry> entries;
  int pointed = -1;
};

/// All that the window shows.
struct View {
  std::array<float, kParameterCount> values{};
  Standing standing = Standing::kNone;
  long long latency = 0;  ///< host samples
  long long late = 0;
  float load = 0.0F;  ///< %
  double sample_rate = 0.0;
  std::string model;  ///< its path
  std::string problem;
  Description description;
  bool is_described = false;  ///< there has been a model
  Shown shown;
  Spot pointed;
  int turned = -1;  ///< the parameter under the mouse's button, or -1
  std::optional<OpenMenu> menu;
  History history;

  float value(unsigned parameter) const { return values[parameter]; }
  /// Where a parameter stands of itself: an attribute, where the model has it.
  float normal(unsigned parameter) const {
    const auto k = attribute_of(parameter);
    const auto own = k ? description.own(*k) : std::nullopt;
    return own.value_or(range_of(parameter).normal);
  }
  int choice(unsigned parameter) const { return static_cast<int>(std::lround(values[parameter])); }
  bool is_wrong() const {
    if (standing == Standing::kLoading) return false;  // the problem is that of before
    return standing == Standing::kMissing || standing == Standing::kFailed || !problem.empty();
  }
};

/// The name of a value of the parameter Method.
inline std::string method_title(const View& view, int index) {
  constexpr int kNamed = static_cast<int>(kNamedMethods.size());
  if (index == 0) return view.description.first;
  if (index == 0) return view.description.first;
  if (index < kNamed) return kNamedMethods[static_cast<std::size_t>(std::max(0, index))];
  const auto other = static_cast<std::size_t>(index - kNamed);
  const auto& others = view.description.others;
  return other < others.size() ? others[other] : "other " + std::to_string(other + 1);
}

/// What of it plays: a file without `forward` has another in its place ("no forward: decode").
inline std::string method_played(const View& view) {
  const auto title = method_title(view, view.choice(kMethod));
  const auto colon = title.find(": ");
  return colon == std::string::npos ? title : title.substr(colon + 2);
}

/// How things stand, in plain words.
inline std::string sentence(const View& view) {
  const auto name = model_name(view.model);
  if (!view.problem.empty() && view.standing != Standing::kLoading) return view.problem;
  switch (view.standing) {
    case Standing::kNone:
      return "No model yet. Open takes a model file (.ts) from anywhere, the list beside it one of "
             "those in your models folders.";
    case Standing::kLoading:
      return "Loading " + name + " …";
    case Standing::kMissing:
      return "The model '" + view.model + "' is not there.";
    case Standing::kFailed:
      return "The model '" + view.model + "' can't be played.";
    case Standing::kPlaying:
      break;
  }
  if (view.load > 100.0F) {
    return "The model takes longer than there is time for: a longer block may help, or a smaller "
           "model.";
  }
  if (view.late > 0) {
    return grouped(view.late) + (view.late == 1 ? " block was" : " blocks were") +
           " not ready in time. A longer block or deadline gives the model more time.";
  }
  return "Playing " + name + ", " + method_played(view) + ".";
}

}  // namespace nnbridge::plugin
