// SPDX-License-Identifier: MIT
#pragma once

#include <readerwriterqueue/atomicops.h>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
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
  int slot = 0;                                ///< of the `model` parameter; 0: none of its values
};

/// From a choice to a backend that plays it. Finding a file and opening the engine's library take
/// time, and there is no engine yet to lend its threads: a thread of our own does it, one for each
/// instance that a host has activated. Offline it is done at once, on the calling thread, so that
/// what was asked for is heard from the first sample on.
///
/// [main] functions wait for nobody but for each other, and [audio] ones for nobody at all, except
/// on an offline track.
class Session {
 public:
  /// `models` are those that `set_slot` chooses from.
  explicit Session(std::vector<std::filesystem::path> models);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// [main]
  void want(Wanted wanted);
  Wanted wanted() const;
  std::string problem() const;
  /// What the model that plays brings along, if that has changed since `seen`, which it updates.
  bool described(int& seen, Description& description) const;

  /// [main] The attributes, by bit, that a session had turned. The others are the model's own.
  void restore(std::uint32_t turned);

  /// [main] From now on our thread calls `call(argument)` ten times a second; none: no more, and
  /// none is under way.
  void look_in(void (*call)(void*), void* argument);

  /// [main, audio stopped] The host is about to play.
  void activate(const Track& track);

  /// [audio] The track is processed offline, or no more, or is as wide as this: where that is not
  /// what `activate` was told, this waits once.
  void process_as(bool offline, int channels) noexcept;
  /// [audio] Nothing of before is to be heard.
  void reset() noexcept { heard_ = false; }
  /// [audio] Any thread in fact: these change an atomic and wake the thread.
  void set_method(int method) noexcept { set(method_, method); }
  void set_block(int block) noexcept { set(block_, block); }
  void set_deadline(int quarters) noexcept { set(deadline_, quarters); }
  void set_slot(int slot) noexcept;
  int slot() const noexcept { return slot_; }
  /// Attribute k is turned to this; attribute kAttributes is the temperature.
  void turn(unsigned k, float value) noexcept;
  Knobs& knobs() noexcept { return *knobs_; }
  /// [audio] False: there is nothing to hear, and `out` is untouched.
  bool process(const float* const* in, float* const* out, int channels, int frames) noexcept;
  int latency() const noexcept;
  Standing standing() const noexcept;
  /// Counts the models and methods that were made ready.
  int descriptions() const noexcept { return descriptions_; }
  double load() const noexcept { return load_; }
  long long late() const noexcept { return late_; }

 private:
  void set(std::atomic<int>& setting, int value) noexcept {
    if (setting.exchange(value) != value) changed();
  }
  void changed() noexcept;
  Wanted resolved() const;
  void loop();
  void wait_for_the_last_part();
  void work();
  void fulfil();
  void settle(Standing standing, std::string problem);

  std::unique_ptr<Knobs> own_knobs_ = std::make_unique<Knobs>();  // until there is a backend
  Knobs* const knobs_ = own_knobs_.get();
  const std::vector<std::filesystem::path> models_;

  std::atomic<int> method_{0};
  std::atomic<int> block_{512};
  std::atomic<int> deadline_{kAutomatic};
  std::atomic<int> slot_{0};
  std::atomic<bool> offline_{false};
  std::atomic<bool> dirty_{false};
  std::atomic<bool> stopping_{false};
  std::atomic<Backend*> playing_{nullptr};  // none: nothing is to be heard
  std::atomic<Standing> standing_{Standing::kNone};
  std::atomic<double> load_{0.0};
  std::atomic<long long> late_{0};
  int channels_ = 0;    // audio's own, as the next
  bool heard_ = false;  // the last call played

  // Held while files are read: by our thread, and by a host's only for an offline track.
  std::mutex work_;
  Choice done_;
  std::unique_ptr<Backend> backend_;  // once made it stays

  mutable std::mutex state_;  // held for moments
  Wanted wanted_;
  Track track_;
  std::string problem_;
  Description description_;
  std::atomic<int> descriptions_{0};  // counts them

  std::mutex look_in_;  // held while it is called
  void (*call_)(void*) = nullptr;
  void* argument_ = nullptr;

  moodycamel::spsc_sema::Semaphore wake_;  // one system call, and the only one on the audio thread
  std::thread thread_;
};

/// The names of the `method` parameter's values.
const std::vector<std::string>& method_names();

}  // namespace nnbridge::plugin
