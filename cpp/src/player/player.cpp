// SPDX-License-Identifier: MIT
#include "nnbridge/player.hpp"

#include "player/player_impl.hpp"

namespace nnbridge {

Player::Player(int inputs, int outputs, const PlayerSettings& settings)
    : impl_(std::make_shared<Impl>(inputs, outputs, settings)) {
  ControlThreads::get().add(impl_);
}

Player::~Player() {
  auto* const impl = impl_.get();
  impl->leave();
  ControlThreads::get().remove(std::move(impl_));
}

void Player::process(const float* const* in, int in_count, float* const* out, int out_count,
                     int frames) noexcept {
  impl_->stage.process(in, in_count, out, out_count, frames);
}

void Player::restart() noexcept { impl_->stage.restart(); }

Result<void> Player::open(const std::filesystem::path& path, const PlayerSettings& settings) {
  return impl_->open(path, settings);
}

Result<void> Player::prepare(const PlayerHost& host) { return impl_->prepare(host); }

void Player::prepare_later(const PlayerHost& host) { impl_->prepare_later(host); }

void Player::resize(int inputs, int outputs) {
  impl_->edit([&](Wish& wish) {
    wish.inputs = inputs;
    wish.outputs = outputs;
  });
}

void Player::load(const std::filesystem::path& path) { load(path, settings()); }

void Player::load(const std::filesystem::path& path, const PlayerSettings& settings) {
  impl_->request(PlayerEvent::Kind::kLoaded, [&](Wish& wish) {
    wish.path = path;
    wish.settings = settings;
    wish.fresh = true;
    wish.may_fall_back = true;
  });
}

void Player::change(const PlayerSettings& settings) {
  const bool method = settings.method != impl_->wish().settings.method;
  impl_->request(method ? PlayerEvent::Kind::kMethod : PlayerEvent::Kind::kChanged,
                 [&](Wish& wish) {
                   if (method) wish.may_fall_back = false;
                   wish.settings = settings;
                 });
}

PlayerSettings Player::settings() const { return impl_->wish().settings; }

void Player::set(const std::string& attribute, std::vector<Word> words, ArrayReader arrays) {
  impl_->set({attribute, std::move(words), std::move(arrays)});
}

void Player::get(const std::string& attribute) { impl_->get(attribute); }

void Player::reset() { impl_->reset_model(); }

void Player::enable(bool on) { impl_->stage.enable(on); }

bool Player::enabled() const { return impl_->stage.enabled(); }

std::vector<PlayerEvent> Player::poll() { return impl_->poll(); }

PlayerStanding Player::standing() const noexcept { return impl_->standing; }

int Player::latency() const noexcept { return impl_->latency; }

int Player::in_channels() const noexcept { return impl_->in_channels; }

int Player::out_channels() const noexcept { return impl_->out_channels; }

PlayerInfo Player::info() const { return impl_->info(); }

std::optional<Stats> Player::stats() const { return impl_->stats(); }

}  // namespace nnbridge
