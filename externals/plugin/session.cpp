// SPDX-License-Identifier: MIT
#include "session.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <utility>

#include "engine_library.hpp"
#include "model_file.hpp"

namespace nnbridge::plugin {

const std::vector<std::string>& method_names() {
  constexpr int kOthers = 8;
  static const std::vector<std::string> kNames = [] {
    std::vector<std::string> names(kNamedMethods.begin(), kNamedMethods.end());
    for (int k = 1; k <= kOthers; ++k) names.push_back("other " + std::to_string(k));
    return names;
  }();
  return kNames;
}

Session::Session(std::vector<std::filesystem::path> models) : models_(std::move(models)) {}

Session::~Session() {
  stopping_ = true;
  wake_.signal();
  if (thread_.joinable()) thread_.join();
}

void Session::want(Wanted wanted) {
  {
    const std::lock_guard state(state_);
    dirty_ = true;  // first, so that the model before keeps the attributes it was given
    // Another model has attributes of its own.
    if (wanted.path != wanted_.path) knobs_->touched = 0;
    slot_ = wanted.slot;
    wanted_ = std::move(wanted);
  }
  changed();
}

Wanted Session::wanted() const {
  const std::lock_guard state(state_);
  return resolved();
}

/// Under `state_`. The slot may have been automated, and on the audio thread no text is made.
Wanted Session::resolved() const {
  Wanted wanted = wanted_;
  const int slot = slot_;
  if (slot == wanted.slot) return wanted;
  wanted.slot = slot;
  if (slot < 1 || slot > static_cast<int>(models_.size())) return wanted;
  wanted.path = models_[static_cast<std::size_t>(slot - 1)].string();
  wanted.hash.clear();
  wanted.folders = model_folders();
  return wanted;
}

std::string Session::problem() const {
  const std::lock_guard state(state_);
  return problem_;
}

bool Session::described(int& seen, Description& description) const {
  const std::lock_guard state(state_);
  if (std::exchange(seen, descriptions_.load()) == descriptions_) return false;
  description = description_;
  return true;
}

void Session::changed() noexcept {
  dirty_ = true;
  if (!offline_) wake_.signal();
}

void Session::set_slot(int slot) noexcept {
  if (slot_.exchange(slot) == slot) return;
  dirty_ = true;
  // Another model has attributes of its own; with a slot that is empty, the model stays.
  const bool other = slot >= 1 && slot <= static_cast<int>(models_.size());
  if (other) knobs_->touched = 0;
  changed();
}

void Session::turn(unsigned k, float value) noexcept {
  constexpr float kSame = 1e-6F;  // a host's numbers are not quite ours
  auto& knob = knobs_->attributes.at(k);
  if (std::abs(knob - value) <= kSame) return;
  const std::uint32_t bit = 1U << k;
  knobs_->touched |= bit;
  knob = value;
  knobs_->touched |= bit;  // again: the backend may just have taken it for the model's own value
  knobs_->moved |= bit;
  if (!offline_) wake_.signal();
}

void Session::restore(std::uint32_t turned) {
  {
    const std::lock_guard state(state_);
    for (std::size_t k = 0; k < knobs_->attributes.size(); ++k) {
      const auto own = description_.own(k);
      if (own && (turned >> k & 1U) == 0) knobs_->attributes.at(k) = *own;
    }
  }
  knobs_->touched = turned;
  knobs_->moved = turned;
  if (!offline_) wake_.signal();
}

void Session::look_in(void (*call)(void*), void* argument) {
  const std::lock_guard look_in(look_in_);
  call_ = call;
  argument_ = argument;
}

void Session::activate(const Track& track) {
  std::unique_lock work(work_, std::defer_lock);
  if (track.offline) work.lock();
  offline_ = track.offline;
  channels_ = track.channels;
  Backend* backend = nullptr;
  {
    const std::lock_guard state(state_);
    track_ = track;
    backend = playing_;
  }
  if (backend != nullptr) backend->set_track(track);
  if (track.offline) {
    this->work();
  } else {
    if (!thread_.joinable()) thread_ = std::thread([this] { loop(); });
    wake_.signal();
  }
  if (backend != nullptr) backend->restart();
}

void Session::process_as(bool offline, int channels) noexcept {
  if (offline_ == offline && channels_ == channels) return;
  Track track;
  {
    const std::lock_guard state(state_);
    track = track_;
  }
  track.offline = offline;
  track.channels = channels;
  activate(track);
}

void Session::loop() {
  constexpr std::uint64_t kLookAgain = 100'000;  // microseconds; for load, late blocks and failures
  for (;;) {
    (void)wake_.timed_wait(kLookAgain);
    while (wake_.try_wait()) {
    }
    wait_for_the_last_part();
    if (stopping_) return;
    {
      const std::lock_guard work(work_);
      if (!offline_) this->work();
    }
    const std::lock_guard look_in(look_in_);
    if (!offline_ && call_ != nullptr) call_(argument_);
  }
}

/// A host brings a session in parts, and the first of them without the last, a file with the method
/// of the file before, may be nothing that plays.
void Session::wait_for_the_last_part() {
  constexpr std::uint64_t kPause = 30'000;  // microseconds
  constexpr int kMost = 10;
  for (int k = 0; k < kMost && dirty_ && !stopping_ && wake_.timed_wait(kPause); ++k) {
    while (wake_.try_wait()) {
    }
  }
}

/// Under `work_`.
void Session::work() {
  if (dirty_.exchange(false)) fulfil();
  Backend* const backend = playing_;
  if (backend == nullptr) return;
  backend->tend();
  const auto figures = backend->figures();
  load_ = figures.load;
  late_ = figures.late;
  auto problem = backend->problem();
  const std::lock_guard state(state_);
  problem_ = std::move(problem);
}

void Session::settle(Standing standing, std::string problem) {
  playing_ = nullptr;
  standing_ = standing;
  done_ = {};
  const std::lock_guard state(state_);
  problem_ = std::move(problem);
}

/// Under `work_`.
void Session::fulfil() {
  try {
    Wanted wanted;
    {
      const std::lock_guard state(state_);
      wanted = wanted_ = resolved();
    }
    if (backend_ && backend_->standing() == Standing::kFailed) done_ = {};  // try again
    if (wanted.path.empty()) return settle(Standing::kNone, {});
    if (playing_ == nullptr) standing_ = Standing::kLoading;
    const auto file = find_model(wanted.path, wanted.hash, wanted.folders);
    if (file.empty()) {
      return settle(Standing::kMissing, "The model '" + wanted.path +
                                            "' is not there: put it back, or into a folder that "
                                            "NNBRIDGE_MODELS names, or choose another.");
    }
    const Choice choice{.path = file.string(),
                        .method = method_names().at(static_cast<std::size_t>(method_.load())),
                        .block = block_,
                        .deadline = deadline_};
    const auto hash = choice.path == done_.path ? std::string{} : content_hash(file);
    if (!backend_) {
      std::string why;
      backend_ = open_backend(knobs_, why);
      if (!backend_) return settle(Standing::kFailed, why);
      [[maybe_unused]] const auto* const given = own_knobs_.release();
    }
    Track track;
    {
      const std::lock_guard state(state_);
      track = track_;
    }
    if (playing_ == nullptr) backend_->set_track(track);  // not heard, so audio is stopped for it
    const auto why = choice == done_ ? std::string{} : backend_->choose(choice);
    {
      // Also where the method is none of the file's: the names of those there are help.
      const std::lock_guard state(state_);
      description_ = backend_->describe();
      ++descriptions_;
    }
    if (!why.empty()) return settle(Standing::kFailed, why);
    done_ = choice;
    {
      const std::lock_guard state(state_);
      if (!hash.empty() && wanted_.path == wanted.path) wanted_.hash = hash;
      problem_.clear();
      if (playing_ == nullptr && !(track_ == track)) backend_->set_track(track_);
      playing_ = backend_.get();
    }
  } catch (const std::exception& error) {
    settle(Standing::kFailed, error.what());
  }
}

namespace {

/// Whether there is something to hear, perhaps what was chosen before.
bool is_ready(const Backend& backend) noexcept {
  const auto standing = backend.standing();
  return standing == Standing::kPlaying ||
         (standing == Standing::kLoading && backend.latency() > 0);
}

}  // namespace

bool Session::process(const float* const* in, float* const* out, int channels,
                      int frames) noexcept {
  if (offline_) {
    const std::lock_guard lock(work_);
    work();
  }
  Backend* const backend = playing_;
  const bool before = std::exchange(heard_, backend != nullptr && is_ready(*backend));
  if (!heard_) return false;
  if (!before) backend->restart();  // nothing of what was heard before the pause
  backend->process(in, out, channels, frames);
  return true;
}

int Session::latency() const noexcept {
  const Backend* const backend = playing_;
  return backend != nullptr ? backend->latency() : 0;
}

Standing Session::standing() const noexcept {
  const Backend* const backend = playing_;
  return backend != nullptr ? backend->standing() : standing_.load();
}

}  // namespace nnbridge::plugin
