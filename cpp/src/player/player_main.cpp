// SPDX-License-Identifier: MIT
//
// The main thread's half of a player: what it is asked, and what it answers.
#include <utility>

#include "player/player_impl.hpp"

namespace nnbridge {

Player::Impl::Impl(int inputs, int outputs, const PlayerSettings& settings) {
  wish_.settings = settings;
  wish_.inputs = inputs;
  wish_.outputs = outputs;
  granted_.settings = settings;
}

Result<void> Player::Impl::open(const std::filesystem::path& path, const PlayerSettings& settings) {
  const std::lock_guard work(work_);
  run_tasks();
  Wish wish = this->wish();
  wish.path = path;
  wish.settings = settings;
  wish.fresh = true;
  wish.may_fall_back = true;
  {
    const std::lock_guard lock(state_);
    wish.loads = ++loads_;
  }
  auto done = fulfil(wish, true);
  standing = done ? PlayerStanding::kReady : PlayerStanding::kFailed;
  if (done) {
    const std::lock_guard lock(state_);
    wish_.path = path;
    wish_.loads = wish.loads;
    wish_.settings = granted_.settings;
  }
  return done;
}

void Player::Impl::prepare_later(const PlayerHost& host) {
  bool same = false;
  edit([&](Wish& wish) { same = std::exchange(wish.host, host) == host; });
  if (same) return;
  clear_stage(host);
  request(PlayerEvent::Kind::kChanged, [](Wish&) {});
}

Result<void> Player::Impl::prepare(const PlayerHost& host) {
  bool same = false;
  edit([&](Wish& wish) {
    same = wish.host == host;
    wish.host = host;
  });
  std::unique_lock work(work_, std::defer_lock);
  if (host.offline || !changing()) {
    // Offline, what was asked for before is heard from the first sample on. Else the control thread
    // only looks around, or sets an attribute: that takes a moment.
    work.lock();
  } else if (changing() || !work.try_lock()) {
    // What is under way or waits for its turn is a control thread's, also while DSP is built anew.
    if (same) return {};  // it is for this host, and what is heard plays on
    clear_stage(host);
    request(PlayerEvent::Kind::kChanged, [](Wish&) {});
    return {};
  }
  run_tasks();
  look_after_stage();
  if (running_host_ == host && is_cleared_for(host)) return {};
  clear_stage(host);
  if (wish().path.empty()) {
    running_host_ = host;
    return {};
  }
  return fulfil(wish(), true);
}

/// [audio stopped]
void Player::Impl::clear_stage(const PlayerHost& host) {
  const std::lock_guard lock(state_);
  stage.install({}, host.sample_rate);
  cleared_for_ = host;
  seated_ = false;
}

bool Player::Impl::is_cleared_for(const PlayerHost& host) const {
  const std::lock_guard lock(state_);
  return cleared_for_ == host;
}

Wish Player::Impl::wish() const {
  const std::lock_guard lock(state_);
  return wish_;
}

void Player::Impl::edit(const std::function<void(Wish&)>& edit) {
  const std::lock_guard lock(state_);
  edit(wish_);
}

void Player::Impl::request(PlayerEvent::Kind kind, const std::function<void(Wish&)>& edit) {
  {
    const std::lock_guard lock(state_);
    edit(wish_);
    if (kind == PlayerEvent::Kind::kLoaded) wish_.loads = ++loads_;
    if (!wish_.path.empty()) standing = PlayerStanding::kLoading;
    if (tasks_.empty() || !tasks_.back().change) {
      tasks_.push_back({});
      ++changes_;
    }
    tasks_.back().change = wish_;
    tasks_.back().kinds.push_back(kind);
  }
  ControlThreads::get().wake();
}

void Player::Impl::enqueue(std::function<void()> run) {
  {
    const std::lock_guard lock(state_);
    tasks_.push_back({.run = std::move(run), .change = {}, .kinds = {}});
  }
  ControlThreads::get().wake();
}

bool Player::Impl::changing() const {
  const std::lock_guard lock(state_);
  return changes_ > 0;
}

/// Whether another file has come in the place of the one that this load asked for.
bool Player::Impl::is_replaced(int load) const {
  const std::lock_guard lock(state_);
  return load < granted_.loads;
}

void Player::Impl::set(Setting setting) {
  if (changing() || !deferred_.empty()) {
    deferred_.push_back([this, load = wish().loads, setting = std::move(setting)] {
      if (!is_replaced(load)) set(setting);
    });
    return;
  }
  const auto contract = info().contract;
  if (!contract) return post(PlayerEvent::Kind::kError, "There is no model to set that in.");
  const auto attribute = contract->attribute(setting.attribute);
  if (!attribute) return post(PlayerEvent::Kind::kError, attribute.error().message);
  auto values = to_values(*attribute, setting.words, setting.arrays);
  if (!values) return post(PlayerEvent::Kind::kError, values.error().message);
  const auto playing = stream();
  if (playing) set_answers_.push_back({playing->set(setting.attribute, *values)});
  // And for the streams to come.
  enqueue([this, name = setting.attribute, given = std::move(*values), quiet = playing != nullptr] {
    if (auto done = model_->set(name, given); done) {
      keep_setting(name, given);
    } else if (!quiet) {
      post(PlayerEvent::Kind::kError, done.error().message);
    }
  });
}

void Player::Impl::get(const std::string& attribute) {
  if (changing() || !deferred_.empty()) {
    deferred_.push_back([this, attribute] { get(attribute); });
    return;
  }
  if (const auto playing = stream()) {
    get_answers_.push_back({attribute, playing->get(attribute)});
    return;
  }
  if (!info().contract) return post(PlayerEvent::Kind::kError, "There is no model to ask.");
  enqueue([this, attribute] {
    if (auto values = model_->get(attribute)) {
      post(PlayerEvent::Kind::kValue, attribute, std::move(*values));
    } else {
      post(PlayerEvent::Kind::kError, values.error().message);
    }
  });
}

void Player::Impl::reset_model() {
  if (const auto playing = stream()) set_answers_.push_back({playing->reset_model()});
}

std::vector<PlayerEvent> Player::Impl::poll() {
  if (!deferred_.empty() && !changing()) {
    for (const auto& run : std::exchange(deferred_, {})) run();
  }
  collect_answers();
  watch_stream();
  const std::lock_guard lock(state_);
  return std::exchange(events_, {});
}

namespace {

template <class Answer>
bool ready(const std::future<Answer>& answer) {
  return answer.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
}

}  // namespace

void Player::Impl::collect_answers() {
  while (!set_answers_.empty() && ready(set_answers_.front().answer)) {
    if (const auto done = set_answers_.front().answer.get(); !done) {
      post(PlayerEvent::Kind::kError, done.error().message);
    }
    set_answers_.pop_front();
  }
  while (!get_answers_.empty() && ready(get_answers_.front().answer)) {
    if (auto values = get_answers_.front().answer.get()) {
      post(PlayerEvent::Kind::kValue, get_answers_.front().attribute, std::move(*values));
    } else {
      post(PlayerEvent::Kind::kError, values.error().message);
    }
    get_answers_.pop_front();
  }
}

/// Tells of blocks that failed or came late: the first at once, more of them now and then.
void Player::Impl::watch_stream() {
  constexpr auto kPause = std::chrono::seconds(5);
  const auto now = Clock::now();
  if (watched_ != Clock::time_point{} && now - watched_ < kPause) return;
  const auto playing = stats();
  if (!playing) return;
  const auto failures = std::exchange(failures_told_, playing->failed);
  const auto late = std::exchange(late_told_, playing->late);
  const auto blocks = [](std::int64_t count) {
    return std::to_string(count) + (count == 1 ? " block" : " blocks");
  };
  if (playing->failed > failures) {
    post(PlayerEvent::Kind::kError,
         blocks(playing->failed) + " failed so far. " + playing->last_failure);
    watched_ = now;
  }
  if (playing->late > late) {
    post(PlayerEvent::Kind::kNotice,
         blocks(playing->late) +
             " came late so far: a longer deadline or a larger block gives the model time.");
    watched_ = now;
  }
}

PlayerInfo Player::Impl::info() const {
  const std::lock_guard lock(state_);
  return info_;
}

std::shared_ptr<Stream> Player::Impl::stream() const {
  const std::lock_guard lock(state_);
  return stream_;
}

std::optional<Stats> Player::Impl::stats() const {
  if (const auto playing = stream()) return playing->stats();
  return std::nullopt;
}

void Player::Impl::post(PlayerEvent::Kind kind, std::string text, std::vector<Value> values) {
  const std::lock_guard lock(state_);
  events_.push_back({kind, std::move(text), std::move(values)});
}

void Player::Impl::leave() {
  const std::lock_guard lock(state_);
  leaving_ = true;
}

}  // namespace nnbridge
