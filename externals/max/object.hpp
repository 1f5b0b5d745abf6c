// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "arguments.hpp"
#include "buffers.hpp"
#include "host.hpp"
#include "nnbridge/player.hpp"
#include "wiring.hpp"

namespace nnbridge::max {

/// The attributes that count when an object is made.
struct Attributes {
  bool enable = true;
  bool gpu = false;
  bool track_buffers = false;
  int chans = 0;
};

/// One nn~, mc.nn~ or mcs.nn~ in a patcher: translates between Max's words and a player's.
///
/// [audio]  `perform`
/// [main]   everything else. Max's scheduler never comes here: see classes.cpp.
class Object {
 public:
  Object(t_object* owner, Layout layout, const Arguments& arguments, const Attributes& attributes);

  /// Opens the model, and waits for it: the inlets depend on it. An error where no model says how
  /// many there are to be, and the box doesn't either.
  Result<void> open();

  int inlets() const { return inlets_; }
  int outlets() const { return outlets_; }
  void set_info_outlet(void* outlet) { info_outlet_ = outlet; }
  std::string assist(bool inlet, int index) const;

  // Signals.
  /// Of each outlet, for what comes in now.
  int channels_out() const;
  /// What Max says of an inlet before it compiles. Whether the outlets' channels change with it.
  bool set_count_in(int inlet, int count);
  /// `counts`: the channels that come into each inlet; `channels`: those of each outlet. What is
  /// given back goes to `perform`. Waits for the model, and for a `perform` under way.
  Wiring* compile(double sample_rate, int vector_size, const std::vector<int>& counts,
                  int channels);
  void perform(Wiring* wiring, double** ins, int in_count, double** outs, int out_count,
               int frames) noexcept;

  /// Every 20 milliseconds: what has happened meanwhile. Whether signals are to be compiled anew.
  bool poll(bool muted);
  static constexpr long kPollMilliseconds = 20;

  /// Any message that `message_names` has, and `bang`.
  void message(const std::string& name, const std::vector<Word>& words);
  static std::vector<const char*> message_names();

  /// From a buffer~ that an attribute of the model was set from.
  void notified(t_symbol* name, t_symbol* message, void* sender, void* data);

  // Attributes.
  void enable(bool on) { player_.enable(on); }
  void gpu(bool on);
  void track_buffers(bool on) { buffers_.track(on); }
  void chans(int count);

  void complain(const std::string& text);

 private:
  friend struct Messages;  // messages.cpp

  void handle(const PlayerEvent& event);
  void out(const std::string& selector, const std::vector<Value>& values);
  void say(const std::string& text);
  void watch_audio(bool muted);

  t_object* owner_;
  Layout layout_;
  Arguments arguments_;
  void* info_outlet_ = nullptr;
  int inlets_ = 1;
  int outlets_ = 1;
  int chans_;
  bool gpu_;
  std::vector<int> counts_in_;
  std::filesystem::path asked_;  // the file asked for last
  BufferTracker buffers_;

  // What `perform` works with. After a compilation the one before may still be in the audio
  // thread's hands for a moment, when Max fades from one chain to the next: it is kept until the
  // one after.
  std::unique_ptr<Wiring> wiring_;
  std::unique_ptr<Wiring> wiring_before_;
  std::atomic<const Wiring*> playing_{nullptr};  // the only one that may reach the player
  std::atomic<bool> performing_{false};
  int compiled_inputs_ = 0;
  int compiled_outputs_ = 0;
  int compiled_channels_ = 0;

  std::atomic<int> performed_{0};
  std::atomic<bool> stale_{false};  // audio was off: nothing of before is to be heard
  int seen_performed_ = 0;
  double quiet_ = 0;        // milliseconds without audio
  double longest_gap_ = 0;  // milliseconds that may lie between two calls when audio is on

  Player player_;
};

}  // namespace nnbridge::max
