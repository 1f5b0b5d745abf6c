// SPDX-License-Identifier: MIT
#include "settings.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

namespace nnbridge::patcher {
namespace {

std::optional<double> number(const std::vector<Word>& words) {
  const auto* found = words.empty() ? nullptr : std::get_if<double>(&words[0]);
  return found ? std::optional(*found) : std::nullopt;
}

/// The number that is said, or this one where nothing is.
std::optional<double> number_or(const std::vector<Word>& words, double otherwise) {
  const auto given = words.empty() ? otherwise : number(words);
  return given && !std::isnan(*given) ? given : std::nullopt;
}

std::string text(const std::vector<Word>& words) {
  const auto* found = words.empty() ? nullptr : std::get_if<std::string>(&words[0]);
  return found ? *found : std::string();
}

/// A switch: 1 where nothing is said.
bool on(const std::vector<Word>& words) { return number(words).value_or(1) != 0; }

}  // namespace

#if defined(__APPLE__)
const char* const kGpu = "mps";
#else
const char* const kGpu = "cuda";
#endif

std::string to_name(const Word& word) {
  if (const auto* text = std::get_if<std::string>(&word)) return *text;
  return to_text(Value(std::get<double>(word)));
}

Result<void> edit(PlayerSettings& settings, const std::string& name,
                  const std::vector<Word>& words) {
  if (name == "method") {
    if (text(words).empty()) return fail("'method' takes a name: method decode");
    settings.method = text(words);
  } else if (name == "bufsize") {
    const auto samples = number(words);
    if (!samples || !(*samples >= 0 && *samples <= kMostSamples)) {
      return fail("'bufsize' takes a number of samples from 0 to 1000000");
    }
    settings.block = static_cast<int>(*samples);
  } else if (name == "gpu") {
    settings.device = on(words) ? kGpu : "cpu";
  } else if (name == "deadline") {
    const auto frames = number_or(words, -1);
    if (!frames) return fail("'deadline' takes a number of samples; -1: as measured");
    settings.deadline.reset();
    if (*frames >= 0) settings.deadline = static_cast<int>(std::min(*frames, kMostSamples));
  } else if (name == "late") {
    if (text(words) != "silence" && text(words) != "dry") {
      return fail("'late' is silence or dry, not '" + text(words) + "'");
    }
    settings.late = text(words) == "dry" ? LatePolicy::kDry : LatePolicy::kSilence;
  } else if (name == "resample") {
    settings.resample = on(words);
  } else if (name == "seed") {
    constexpr double kMost = 9e15;  // whole numbers up to here are exact in a patcher's number
    const auto given = number_or(words, -1);
    if (!given || *given >= kMost) {
      return fail("'seed' takes a whole number up to 9e15; -1: never the same");
    }
    settings.seed.reset();
    if (*given >= 0) settings.seed = static_cast<std::uint64_t>(*given);
  } else if (name == "compat") {
    settings.nn_timing = on(words);
  } else {
    return fail("there is no setting '" + name + "'");
  }
  return {};
}

}  // namespace nnbridge::patcher
