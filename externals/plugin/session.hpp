// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <filesystem>
#include <memory>
#include <mutex>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

#include "backend.hpp"

namespace nnbridge::plugin {

/// What the user has chosen, in words that can be saved.
struct Wanted {
  std::string path;
  std::string hash;                            ///< of the file's content; empty: not known
  std::vector<std::filesystem::path> folders;  ///< to look in when the path leads nowhere
};

/// From a choice to a backend that plays it. Finding a file and opening the engine's library takes
/// time, and there is no engine yet to lend its threads: a thread of our own does it, one for each
/// instance that a host has activated. Offline it is done at once, on the calling thread, so that
/// what was asked for is heard from the first sample on.
class Session {
 public:
  Session() = default;
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// [main]
  void want(Wanted wanted);
  Wanted wanted() const;
  std::string problem();

  /// [main, audio stopped] The host is about to play.
  void activate(const Track& track);

  /// [audio] The track is processed offline after all.
  void go_offline() noexcept;
  /// [audio] Any thread in fact: posts to the thread at most.
  void set_method(int method) noexcept;
  void set_block(int block) noexcept;
  /// [audio] False: there is nothing to hear, and `out` is untouched.
  bool process(const float* const* in, float* const* out, int channels, int frames) noexcept;
  int latency() const noexcept;
  Standing standing() const noexcept;

 private:
  void changed() noexcept;
  void loop();
  void fulfil();

  std::atomic<int> method_{0};
  std::atomic<int> block_{512};
  std::atomic<bool> offline_{false};
  std::atomic<bool> dirty_{false};
  std::atomic<bool> stopping_{false};
  std::atomic<Backend*> playing_{nullptr};  // none: nothing is to be heard
  std::atomic<Standing> standing_{Standing::kNone};

  std::mutex work_;  // held while files are read
  Choice done_;

  mutable std::mutex state_;  // held for moments
  Wanted wanted_;
  Track track_;
  std::unique_ptr<Backend> backend_;
  std::string problem_;

  std::counting_semaphore<> wake_{0};
  std::thread thread_;
};

/// The names of the `method` parameter's values.
const std::vector<std::string>& method_names();

}  // namespace nnbridge::plugin
