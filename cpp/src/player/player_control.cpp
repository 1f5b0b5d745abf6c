// SPDX-License-Identifier: MIT
//
// The control threads' half of a player: opening, preparing, swapping, freeing. All of it runs
// under the mutex `work_`.
#include <algorithm>
#include <bit>
#include <exception>
#include <utility>

#include "nnbridge/paths.hpp"
#include "player/player_impl.hpp"
#include "stream/settle.hpp"

namespace nnbridge {
namespace {

/// The method wished for, or `forward` where the file lacks it and that may be.
Result<Chain> find_chain(const Contract& contract, const Wish& wish, std::string& notice) {
  auto chain = contract.chain(wish.settings.method);
  if (chain || !wish.may_fall_back || wish.settings.method == "forward") return chain;
  auto forward = contract.chain("forward");
  if (!forward) return chain;
  notice = "method " + wish.settings.method + " not found in model, using forward instead";
  return forward;
}

Result<void> check_channels(const Chain& chain, const Wish& wish) {
  const auto fits = [](int has, int wants) { return has == 0 || wants <= has; };
  if (fits(wish.inputs, chain.in_channels()) && fits(wish.outputs, chain.out_channels())) return {};
  return fail("'" + chain.name + "' takes " + std::to_string(chain.in_channels()) +
              " channels and gives " + std::to_string(chain.out_channels()) +
              ", but this object has " + std::to_string(wish.inputs) + " in and " +
              std::to_string(wish.outputs) + " out: make one that has enough.");
}

/// The model block that these settings stand for.
int block_of(const PlayerSettings& settings, int host_block, const Chain& chain) {
  const int asked = settings.block != 0 ? settings.block : host_block;
  if (!settings.nn_timing) return model_block(chain.step, asked);
  const auto least = static_cast<unsigned>(std::max({asked, chain.step, 1}));
  return model_block(chain.step, static_cast<int>(std::bit_ceil(least)));
}

StreamConfig config_of(const PlayerSettings& settings, const PlayerHost& host, const Chain& chain) {
  StreamConfig config;
  config.method = chain.name;
  config.sample_rate = host.sample_rate;
  config.host_block = host.block;
  config.fixed_host_block = host.fixed;
  config.burst = host.burst;
  config.realtime = settings.block != 0 && !(host.offline && host.inline_offline);
  if (chain.in_channels() == 1 && chain.out_channels() == 1 && chain.in_ratio() == 1 &&
      chain.out_ratio() == 1) {
    config.batch = std::max(1, host.channels);
    config.split_batch = true;
  }
  if (host.batch > 1) {
    config.batch = host.batch;
    config.split_batch = false;  // a host that asks for a batch wants one call for all of it
  }
  config.block = block_of(settings, host.block, chain);
  config.resample = settings.resample;
  config.seed = settings.seed;
  config.latents = settings.latents;
  config.late = settings.late;
  if (config.realtime) config.deadline = settings.deadline;
  if (settings.nn_timing) {
    config.resample = false;
    if (config.realtime) config.deadline = config.block;
  }
  return config;
}

/// Whether the host's buffers are laid out for this method.
bool has_room(const PlayerHost& host, const Chain& chain) {
  return (host.item_inputs == 0 || host.item_inputs == chain.in_channels()) &&
         (host.item_outputs == 0 || host.item_outputs == chain.out_channels());
}

Seat seat_of(Stream& stream, const PlayerHost& host, bool fade) {
  const bool realtime = stream.config().realtime;
  return {.stream = &stream,
          .latency = stream.latency().stream,
          .waits = host.offline && realtime,
          .immediate = host.offline || !realtime,
          .fade = fade};
}

/// Whether one stream can pass into the other without a gap.
bool same_host_side(const StreamConfig& one, const StreamConfig& other) {
  return one.sample_rate == other.sample_rate && one.host_block == other.host_block &&
         one.realtime == other.realtime && one.burst == other.burst && one.batch == other.batch;
}

}  // namespace

void Player::Impl::work() noexcept {
  tend([this] { run_tasks(); });
}

void Player::Impl::look() noexcept {
  tend([this] { look_after_stage(); });
}

template <class Tend>
void Player::Impl::tend(Tend tend) noexcept {
  const std::unique_lock work(work_, std::try_to_lock);
  if (!work) return;  // main or the other thread is at it; the next time comes soon
  try {
    tend();
  } catch (const std::exception& error) {
    post(PlayerEvent::Kind::kError, error.what());
  }
}

void Player::Impl::run_tasks() {
  for (;;) {
    Task task;
    {
      const std::lock_guard lock(state_);
      if (tasks_.empty() || leaving_) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
      // What is read again now need not be read again by the next wish.
      if (task.change) wish_.fresh = false;
    }
    if (task.run) task.run();
    if (task.change) run_change(*task.change, task.kinds, false);
  }
}

void Player::Impl::run_change(const Wish& wish, const Kinds& kinds, bool audio_stopped) {
  const auto done = fulfil(wish, audio_stopped);
  auto given = done ? wish : fulfil_in_part(wish, audio_stopped);
  const std::lock_guard lock(state_);
  --changes_;
  if (!done) events_.push_back({PlayerEvent::Kind::kError, done.error().message, {}});
  // What builds upon this change is not to ask again for what could not be.
  rebase(wish_, wish, granted_);
  for (auto& task : tasks_) {
    if (task.change) rebase(*task.change, wish, granted_);
  }
  const bool same_file = given && given->path == wish.path && given->fresh == wish.fresh;
  const bool same_method = given && given->settings.method == wish.settings.method;
  if (changes_ == 0 && standing == PlayerStanding::kLoading) {
    const bool plays = !granted_.path.empty() && same_file && same_method;
    standing = plays ? PlayerStanding::kReady : PlayerStanding::kFailed;
  }
  if (!given) return;
  for (const auto kind : kinds) {
    const bool in_vain = (kind == PlayerEvent::Kind::kLoaded && !same_file) ||
                         (kind == PlayerEvent::Kind::kMethod && !same_method);
    if (!in_vain) unheard_.push_back(kind);
  }
  ready_ = Clock::now();
  calls_when_ready_ = stage.calls();
}

/// As much of it as can be; nothing where that is what there is already.
std::optional<Wish> Player::Impl::fulfil_in_part(const Wish& wish, bool audio_stopped) {
  for (auto& lesser : lesser_wishes(wish, granted_)) {
    if (ask_the_same(lesser, granted_) && lesser.host == granted_.host && is_seated()) break;
    if (fulfil(lesser, audio_stopped)) return lesser;
  }
  return std::nullopt;
}

Result<void> Player::Impl::fulfil(const Wish& wish, bool audio_stopped) {
  if (wish.path.empty()) {
    const std::lock_guard lock(state_);
    granted_ = wish;
    return {};
  }
  std::shared_ptr<Model> model = model_;
  const bool other_file = !model || wish.fresh || info_.path != wish.path;
  if (other_file || info_.device != wish.settings.device) {
    auto opened = Model::open(wish.path, wish.settings.device);
    if (!opened) return tl::unexpected(opened.error());
    model = std::make_shared<Model>(std::move(*opened));
    if (!other_file) {
      for (const auto& [name, values] : set_so_far_) {
        if (auto done = model->set(name, values); !done) return done;
      }
    }
  }
  std::string notice;
  const auto chain = find_chain(model->contract(), wish, notice);
  if (!chain) return tl::unexpected(chain.error());
  if (auto fits = check_channels(*chain, wish); !fits) return fits;
  if (is_current(wish.host) && has_room(*wish.host, *chain)) {
    if (auto seated = seat(*model, wish, *chain, audio_stopped); !seated) return seated;
  }
  if (!notice.empty()) post(PlayerEvent::Kind::kNotice, std::move(notice));
  if (other_file) set_so_far_.clear();
  model_ = std::move(model);
  const std::lock_guard lock(state_);
  info_.contract = std::make_shared<const Contract>(model_->contract());
  info_.path = wish.path;
  info_.device = wish.settings.device;
  info_.chain = *chain;
  info_.block = block_of(wish.settings, wish.host.value_or(PlayerHost{}).block, *chain);
  granted_ = wish;
  granted_.fresh = false;
  granted_.settings.method = chain->name;
  return {};
}

/// Makes a stream, or changes the one there is, and hands it to the audio thread.
Result<void> Player::Impl::seat(Model& model, const Wish& wish, const Chain& chain,
                                bool audio_stopped) {
  const auto& host = *wish.host;
  const StreamConfig config = config_of(wish.settings, host, chain);
  auto playing = stream();
  const bool heard = playing && !audio_stopped && is_seated();
  if (heard && same_host_side(playing->config(), config) && running_host_ == host) {
    if (auto swapped = playing->swap(model, config); !swapped) return swapped;
  } else {
    auto made = Stream::prepare(model, config);
    ControlThreads::stop_before_what_exists_now();
    if (!made) return tl::unexpected(made.error());
    const auto before = std::exchange(playing, std::move(*made));
    const Seat seat = seat_of(*playing, host, !audio_stopped);
    {
      const std::lock_guard lock(state_);
      if (audio_stopped) {
        stage.install(seat, host.sample_rate);
      } else if (wish_.host != host) {
        return {};  // the host has changed meanwhile: the change that follows is made for it
      } else {
        stage.offer(seat);
        if (before && seated_) replaced_.push_back(before);  // until it is given back
      }
      stream_ = playing;
      seated_ = true;
    }
    if (audio_stopped) replaced_.clear();
  }
  const int rate = model.contract().sample_rate.value_or(host.sample_rate);
  if (rate != host.sample_rate && (!running_ || running_->resample != config.resample ||
                                   running_host_ != host || info_.path != wish.path)) {
    post(PlayerEvent::Kind::kNotice,
         "the model was made for " + std::to_string(rate) + " Hz and this is " +
             std::to_string(host.sample_rate) +
             (config.resample ? " Hz: converting (`resample 0` leaves that out)"
                              : " Hz: it will sound at another pitch and speed"));
  }
  running_ = wish.settings;
  running_->resample = config.resample;
  running_host_ = host;
  const auto settled = playing->config();
  const std::lock_guard lock(state_);
  info_.rate = host.sample_rate;
  info_.deadline = settled.deadline.value_or(0);
  info_.latency = playing->latency();
  latency = info_.latency->total();
  in_channels = chain.in_channels();
  out_channels = chain.out_channels();
  return {};
}

void Player::Impl::keep_setting(const std::string& attribute, const std::vector<Value>& values) {
  remember(set_so_far_, attribute, values);
}

/// Main clears the stage at times, and its queues know one reader.
Stream* Player::Impl::returned() {
  const std::lock_guard lock(state_);
  return stage.returned();
}

/// Whether this host is there, and still the one that there is.
bool Player::Impl::is_current(const std::optional<PlayerHost>& host) const {
  const std::lock_guard lock(state_);
  return host && host == wish_.host;
}

bool Player::Impl::is_seated() const {
  const std::lock_guard lock(state_);
  return seated_;
}

/// Frees what is no longer heard, and gives back what was only to be reset.
void Player::Impl::look_after_stage() {
  const auto playing = stream();
  while (Stream* back = returned()) {
    if (playing && back == playing.get()) {
      back->reset();
      const bool live = !running_host_->offline && back->config().realtime;
      const std::lock_guard lock(state_);
      if (wish_.host != running_host_) continue;  // a stream for the host to come will follow
      stage.offer(seat_of(*back, *running_host_, live));
      seated_ = true;
    } else {
      std::erase_if(replaced_, [&](const auto& stream) { return stream.get() == back; });
    }
  }
  const bool settled = !playing || playing->settled();
  if (unheard_.empty()) return;
  // Without audio nothing is ever heard: then being ready has to do.
  constexpr auto kPatience = std::chrono::milliseconds(200);
  const bool heard = !playing || (settled && stage.heard() == playing.get());
  const bool no_audio = stage.calls() == calls_when_ready_ && Clock::now() - ready_ > kPatience;
  if (heard || no_audio || !stage.enabled()) announce();
}

void Player::Impl::announce() {
  const std::lock_guard lock(state_);
  for (const auto kind : std::exchange(unheard_, {})) {
    const bool named = kind == PlayerEvent::Kind::kMethod;
    if (!info_.contract) continue;  // settings for a model to come
    events_.push_back({kind, named ? info_.chain.name : to_utf8(info_.path), {}});
  }
}

}  // namespace nnbridge
