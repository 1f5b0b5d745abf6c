// SPDX-License-Identifier: MIT
#include "session.hpp"

#include <exception>
#include <utility>

#include "engine_library.hpp"
#include "model_file.hpp"

namespace nnbridge::plugin {

const std::vector<std::string>& method_names() {
  static const std::vector<std::string> names{"forward", "encode+decode", "other 1",
                                              "other 2", "other 3",       "other 4"};
  return names;
}

Session::~Session() {
  stopping_ = true;
  wake_.release();
  if (thread_.joinable()) thread_.join();
}

void Session::want(Wanted wanted) {
  {
    const std::lock_guard state(state_);
    wanted_ = std::move(wanted);
  }
  changed();
}

Wanted Session::wanted() const {
  const std::lock_guard state(state_);
  return wanted_;
}

std::string Session::problem() {
  const std::unique_lock work(work_, std::try_to_lock);
  const std::lock_guard state(state_);
  if (!problem_.empty() || !work || !backend_) return problem_;
  return backend_->problem();
}

void Session::changed() noexcept {
  dirty_ = true;
  if (!offline_) wake_.release();
}

void Session::set_method(int method) noexcept {
  if (method_.exchange(method) != method) changed();
}

void Session::set_block(int block) noexcept {
  if (block_.exchange(block) != block) changed();
}

void Session::activate(const Track& track) {
  std::unique_lock work(work_, std::defer_lock);
  if (track.offline) work.lock();
  Backend* backend = nullptr;
  {
    const std::lock_guard state(state_);
    offline_ = track.offline;
    track_ = track;
    backend = backend_.get();
    if (backend != nullptr) backend->set_track(track);
  }
  if (track.offline) {
    if (dirty_.exchange(false)) fulfil();
  } else {
    if (!thread_.joinable()) thread_ = std::thread([this] { loop(); });
    wake_.release();
  }
  if (backend != nullptr) backend->restart();
}

void Session::go_offline() noexcept {
  if (offline_) return;
  Track track;
  {
    const std::lock_guard state(state_);
    track = track_;
  }
  track.offline = true;
  activate(track);
}

void Session::loop() {
  for (;;) {
    wake_.acquire();
    if (stopping_) return;
    const std::lock_guard work(work_);
    if (!offline_ && dirty_.exchange(false)) fulfil();
  }
}

/// Under `work_`.
void Session::fulfil() {
  const auto fail = [this](Standing standing, std::string why) {
    const std::lock_guard state(state_);
    playing_ = nullptr;
    standing_ = standing;
    problem_ = std::move(why);
    done_ = {};
  };
  try {
    const auto wanted = this->wanted();
    if (wanted.path.empty()) return fail(Standing::kNone, {});
    if (playing_ == nullptr) standing_ = Standing::kLoading;
    const auto file = find_model(wanted.path, wanted.hash, wanted.folders);
    if (file.empty()) {
      return fail(Standing::kMissing, "The model '" + wanted.path +
                                          "' is not there: put it back, or into a folder that "
                                          "NNBRIDGE_MODELS names, or choose another.");
    }
    const auto& names = method_names();
    Choice choice{.path = file.string(),
                  .method = names.at(static_cast<std::size_t>(method_.load())),
                  .block = block_};
    auto hash = choice.path == done_.path ? std::string{} : content_hash(file);
    std::unique_ptr<Backend> made;
    if (!backend_) {
      std::string why;
      made.reset(open_backend(why));
      if (!made) return fail(Standing::kFailed, why);
    }
    const std::lock_guard state(state_);
    if (made) {
      backend_ = std::move(made);
      backend_->set_track(track_);  // not heard yet, so audio is stopped for it
    }
    if (!hash.empty() && wanted_.path == wanted.path) wanted_.hash = std::move(hash);
    problem_.clear();
    if (!(choice == done_)) backend_->choose(choice);
    done_ = std::move(choice);
    playing_ = backend_.get();
  } catch (const std::exception& error) {
    fail(Standing::kFailed, error.what());
  }
}

bool Session::process(const float* const* in, float* const* out, int channels,
                      int frames) noexcept {
  if (offline_ && dirty_.exchange(false)) {
    const std::lock_guard work(work_);
    fulfil();
  }
  Backend* const backend = playing_;
  if (backend == nullptr || backend->standing() == Standing::kFailed) return false;
  if (backend->latency() == 0 && backend->standing() == Standing::kLoading) return false;
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
