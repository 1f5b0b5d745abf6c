// SPDX-License-Identifier: MIT
#include "backend.hpp"

#include <algorithm>
#include <exception>

#include "nnbridge/player.hpp"

namespace nnbridge::plugin {
namespace {

/// "other 2" stands for the second audio method of the file that is not `forward`.
std::string method_of(const std::string& asked, const Contract& contract) {
  const std::string other = "other ";
  if (!asked.starts_with(other)) return asked;
  auto left = std::stoi(asked.substr(other.size()));
  for (const auto& method : contract.methods) {
    const bool audio = method.in_ratio == 1 && method.out_ratio == 1;
    if (!audio || !method.callable || method.name == "forward") continue;
    if (--left == 0) return method.name;
  }
  return asked;  // the engine's error then names those there are
}

class PlayerBackend final : public Backend {
 public:
  void set_track(const Track& track) override {
    const PlayerHost host{.sample_rate = track.sample_rate,
                          .block = track.block,
                          .offline = track.offline,
                          .fixed = false,
                          .channels = track.channels,
                          .inline_offline = true};
    offline_ = track.offline;
    if (offline_) {
      note(player_.prepare(host));
    } else {
      player_.prepare_later(host);
    }
  }

  void choose(const Choice& choice) override {
    problem_.clear();
    auto settings = player_.settings();
    settings.block = choice.block;
    settings.late = LatePolicy::kSilence;
    settings.method = choice.method;
    if (choice.method.starts_with("other ")) {
      // Only the file knows their names.
      auto model = Model::open(choice.path);
      if (!model) return note(tl::unexpected(model.error()));
      settings.method = method_of(choice.method, model->contract());
    }
    const bool other_file = choice.path != path_;
    path_ = choice.path;
    if (offline_) {
      note(player_.open(choice.path, settings));
      return;
    }
    player_.change(settings);
    if (other_file) player_.load(choice.path);
  }

  std::string problem() override {
    for (auto& event : player_.poll()) {
      if (event.kind == PlayerEvent::Kind::kError) problem_ = std::move(event.text);
    }
    return problem_;
  }

  void process(const float* const* in, float* const* out, int channels,
               int frames) noexcept override {
    player_.process(in, channels, out, channels, frames);
  }

  void restart() noexcept override { player_.restart(); }

  int latency() const noexcept override { return player_.latency(); }

  Standing standing() const noexcept override {
    switch (player_.standing()) {
      case PlayerStanding::kEmpty:
        return Standing::kNone;
      case PlayerStanding::kLoading:
        return Standing::kLoading;
      case PlayerStanding::kReady:
        return Standing::kPlaying;
      case PlayerStanding::kFailed:
        break;
    }
    return Standing::kFailed;
  }

 private:
  void note(const Result<void>& done) {
    if (!done) problem_ = done.error().message;
  }

  Player player_;
  bool offline_ = false;
  std::string path_;
  std::string problem_;
};

}  // namespace
}  // namespace nnbridge::plugin

nnbridge::plugin::Backend* nnbridge_plugin_backend() {
  try {
    return new nnbridge::plugin::PlayerBackend;
  } catch (const std::exception&) {
    return nullptr;
  }
}
