// SPDX-License-Identifier: MIT
//
// What the plugin asks of the engine. The engine lies in a library of its own, opened when a model
// is first wanted: a host that only scans plugins then never touches LibTorch. Both are built
// together and shipped together.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "knobs.hpp"

namespace nnbridge::plugin {

/// The host's side.
struct Track {
  int sample_rate = 44100;  ///< Hz
  int block = 512;          ///< frames of the largest call
  int channels = 2;
  bool offline = false;

  bool operator==(const Track&) const = default;
};

/// The user's side.
struct Choice {
  std::string path;
  std::string method = "forward";  ///< "other N": the file's N-th audio chain without a name here
  int block = 512;                 ///< model block asked for, in samples at its rate
  int deadline = kAutomatic;       ///< quarters of a model block

  bool operator==(const Choice&) const = default;
};

/// The methods that every file's are looked for under.
inline constexpr std::array<const char*, 4> kNamedMethods{"forward", "encode+decode", "decode",
                                                          "prior"};

/// An attribute that has a parameter.
struct Described {
  std::string name;
  std::string unit;
  double minimum = 0.0;
  double maximum = 1.0;
  double own = 0.0;    ///< the file's own value
  bool whole = false;  ///< whole numbers, or two states

  /// The file's own value as the parameter's.
  float own_share() const {
    return static_cast<float>(std::clamp((own - minimum) / (maximum - minimum), 0.0, 1.0));
  }
};

/// What a model file brings along.
struct Description {
  std::vector<Described> attributes;
  std::vector<std::string> others;  ///< names of the methods "other 1", "other 2", …
  std::string first = "forward";    ///< what "forward" is called, and what it stands for otherwise
  std::array<bool, kNamedMethods.size()> playable{};  ///< of the named methods
  int latents = 0;                                    ///< dimensions that the chosen one turns
  std::optional<double> temperature;  ///< the file's own, if there is an attribute of this name

  /// Where the parameter of attribute k stands of itself, k = kAttributes being the temperature;
  /// none: the file has no such attribute.
  std::optional<float> own(std::size_t k) const {
    if (k < attributes.size()) return attributes[k].own_share();
    if (k != kAttributes || !temperature) return std::nullopt;
    const auto range = range_of(kTemperature);
    return std::clamp(static_cast<float>(*temperature), range.lowest, range.highest);
  }
};

struct Figures {
  double load = 0;  ///< share of the time there is that the model takes
  long long late = 0;
};

enum class Standing : int { kNone, kLoading, kPlaying, kMissing, kFailed };

/// Threads as in nnbridge/player.hpp, where one thread at a time is enough for [control].
class Backend {
 public:
  virtual ~Backend() = default;

  /// [main, audio stopped] Waits for an offline track only.
  virtual void set_track(const Track& track) = 0;

  /// [control] Opens the file if it is another one. Audio plays on; for an offline track it must
  /// be stopped. What is wrong, in a sentence, or nothing; then what was heard before plays on.
  virtual std::string choose(const Choice& choice) = 0;
  /// [control] Of the file chosen last.
  virtual Description describe() = 0;
  /// [control] To be called again and again: passes on what was turned.
  virtual void tend() = 0;
  /// [control] What is wrong, in a sentence, or nothing.
  virtual std::string problem() = 0;
  virtual Figures figures() = 0;

  /// [audio]
  virtual void process(const float* const* in, float* const* out, int channels,
                       int frames) noexcept = 0;
  virtual void restart() noexcept = 0;

  /// [any thread]
  virtual int latency() const noexcept = 0;
  virtual Standing standing() const noexcept = 0;
};

}  // namespace nnbridge::plugin

/// The engine library's one entry. Whoever calls it owns the result, which owns `knobs`; they
/// outlive it where a stream still reads them, and their code, this library's, outlives the host's
/// unloading of the plugin.
extern "C" nnbridge::plugin::Backend* nnbridge_plugin_backend(nnbridge::plugin::Knobs* knobs);
