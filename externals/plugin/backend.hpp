// SPDX-License-Identifier: MIT
//
// What the plugin asks of the engine. The engine lies in a library of its own, opened when a model
// is first wanted: a host that only scans plugins then never touches LibTorch. Both are built
// together and shipped together.
#pragma once

#include <string>

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
  std::string method = "forward";  ///< "other N": the file's N-th audio method besides `forward`
  int block = 512;                 ///< model block asked for, in samples at its rate

  bool operator==(const Choice&) const = default;
};

enum class Standing : int { kNone, kLoading, kPlaying, kMissing, kFailed };

/// Threads as in nnbridge/player.hpp.
class Backend {
 public:
  virtual ~Backend() = default;

  /// [main, audio stopped] Waits only for an offline track.
  virtual void set_track(const Track& track) = 0;
  /// [main] Never waits; for an offline track [main, waits, audio stopped].
  virtual void choose(const Choice& choice) = 0;
  /// [main] What is wrong, in a sentence, or nothing.
  virtual std::string problem() = 0;

  /// [audio]
  virtual void process(const float* const* in, float* const* out, int channels,
                       int frames) noexcept = 0;
  virtual void restart() noexcept = 0;

  /// [any thread]
  virtual int latency() const noexcept = 0;
  virtual Standing standing() const noexcept = 0;
};

}  // namespace nnbridge::plugin

/// The engine library's one entry.
extern "C" nnbridge::plugin::Backend* nnbridge_plugin_backend();
