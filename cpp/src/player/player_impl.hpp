// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "nnbridge/model.hpp"
#include "nnbridge/player.hpp"
#include "player/control_threads.hpp"
#include "player/stage.hpp"
#include "player/wish.hpp"
#include "stream/pipeline.hpp"

namespace nnbridge {

/// Two mutexes. `work_` is held for as long as files are read and models warmed up: by the control
/// thread, and by main only where it may wait. `state_` is held for moments.
class Player::Impl : public Tended {
 public:
  Impl(int inputs, int outputs, const PlayerSettings& settings);

  Stage stage;
  std::atomic<PlayerStanding> standing{PlayerStanding::kEmpty};
  std::atomic<int> latency{0};
  std::atomic<int> in_channels{0};
  std::atomic<int> out_channels{0};

  // [main]
  Result<void> open(const std::filesystem::path& path, const PlayerSettings& settings);
  Result<void> prepare(const PlayerHost& host);
  void prepare_later(const PlayerHost& host);
  Wish wish() const;
  void edit(const std::function<void(Wish&)>& edit);
  /// Changes the wish, and has a control thread fulfil it. Changes that it has not begun yet
  /// become one.
  void request(PlayerEvent::Kind kind, const std::function<void(Wish&)>& edit);
  struct Setting {
    std::string attribute;
    std::vector<Word> words;
    ArrayReader arrays;
  };
  void set(Setting setting);
  void get(const std::string& attribute);
  void reset_model();
  std::vector<PlayerEvent> poll();
  PlayerInfo info() const;
  std::optional<Stats> stats() const;
  void leave();

  // [control threads]
  void work() noexcept override;
  void look() noexcept override;

 private:
  using Kinds = std::vector<PlayerEvent::Kind>;
  using Clock = std::chrono::steady_clock;

  /// Something to do under `work_`, in the order in which it was asked for.
  struct Task {
    std::function<void()> run;   // or:
    std::optional<Wish> change;  // of which the newest wins
    Kinds kinds;
  };

  template <class Tend>
  void tend(Tend tend) noexcept;

  // Under `work_`.
  void run_tasks();
  void run_change(const Wish& wish, const Kinds& kinds, bool audio_stopped);
  Result<void> fulfil(const Wish& wish, bool audio_stopped);
  std::optional<Wish> fulfil_in_part(const Wish& wish, bool audio_stopped);
  void clear_stage(const PlayerHost& host);
  bool is_cleared_for(const PlayerHost& host) const;
  Stream* returned();
  bool is_current(const std::optional<PlayerHost>& host) const;
  bool is_seated() const;
  Result<void> seat(Model& model, const Wish& wish, const Chain& chain, bool audio_stopped);
  void keep_setting(const std::string& attribute, const std::vector<Value>& values);
  void look_after_stage();
  void announce();

  void post(PlayerEvent::Kind kind, std::string text, std::vector<Value> values = {});
  void enqueue(std::function<void()> run);
  bool changing() const;
  bool is_replaced(int load) const;
  void collect_answers();
  void watch_stream();
  std::shared_ptr<Stream> stream() const;

  std::mutex work_;
  std::shared_ptr<Model> model_;
  std::optional<PlayerSettings> running_;  // what the stream was made for
  std::optional<PlayerHost> running_host_;
  Settings set_so_far_;
  std::vector<std::shared_ptr<Stream>> replaced_;  // the audio thread may still use them
  Kinds unheard_;                                  // changes that are ready
  Clock::time_point ready_;
  std::int64_t calls_when_ready_ = 0;

  mutable std::mutex state_;
  Wish wish_;
  Wish granted_;  // what the latest fulfilled wish was
  std::deque<Task> tasks_;
  int changes_ = 0;  // asked for and not yet done
  int loads_ = 0;    // asked for
  std::shared_ptr<Stream> stream_;
  std::optional<PlayerHost> cleared_for_;  // whose streams the stage is for
  bool seated_ = false;                    // the audio thread has it, or will take it up
  PlayerInfo info_;
  std::vector<PlayerEvent> events_;
  bool leaving_ = false;

  // Main's own.
  std::vector<std::function<void()>> deferred_;  // until no change is under way
  struct SetAnswer {
    std::future<Result<void>> answer;
  };
  struct GetAnswer {
    std::string attribute;
    std::future<Result<std::vector<Value>>> answer;
  };
  std::deque<SetAnswer> set_answers_;
  std::deque<GetAnswer> get_answers_;
  Clock::time_point watched_{};
  std::int64_t failures_told_ = 0;
  std::int64_t late_told_ = 0;
};

}  // namespace nnbridge
