// SPDX-License-Identifier: MIT
#include "backend.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "latent_knobs.hpp"
#include "nnbridge/player.hpp"

namespace nnbridge::plugin {
namespace {

constexpr int kMostChannels = 64;

bool is_audio(const Method& method) {
  return method.callable && method.in_ratio == 1 && method.out_ratio == 1;
}

/// The chains that "other 1", "other 2", … stand for.
std::vector<std::string> other_methods(const Contract& contract) {
  std::vector<std::string> names;
  for (const auto& method : contract.methods) {
    if (is_audio(method) && method.name != "forward") names.push_back(method.name);
  }
  return names;
}

/// What plays unless another is chosen: a file need not have a `forward`.
std::string first_method(const Contract& contract) {
  std::vector<std::string> names{"forward", "encode+decode"};
  for (const auto& other : other_methods(contract)) names.push_back(other);
  names.insert(names.end(), {"decode", "prior+decode", "prior"});
  for (const auto& name : names) {
    if (contract.chain(name)) return name;
  }
  return "forward";  // an error then names those there are
}

/// "prior" is heard through a decoder where the file has one that fits.
std::string method_of(const std::string& asked, const Contract& contract) {
  const std::string other = "other ";
  if (asked == "forward") return first_method(contract);
  if (asked == "prior") {
    const auto* const prior = contract.find_method("prior");
    if (prior != nullptr && !is_audio(*prior)) return "prior+decode";
  }
  if (!asked.starts_with(other)) return asked;
  const auto names = other_methods(contract);
  const auto index = static_cast<std::size_t>(std::stoi(asked.substr(other.size()))) - 1;
  return index < names.size() ? names[index] : asked;  // an error then names those there are
}

/// How many values the chain's last method takes below the audio rate: those of LatentEdit.
int latents_of(const Chain& chain) {
  const auto& last = chain.methods.back();
  return last.in_ratio > 1 ? last.in_channels : 0;
}

double number(const Value& value) {
  if (const auto* truth = std::get_if<bool>(&value)) return *truth ? 1.0 : 0.0;
  if (const auto* whole = std::get_if<std::int64_t>(&value)) return static_cast<double>(*whole);
  return std::get<double>(value);
}

/// A slider's worth of an attribute: one number or switch. None: it has another form.
std::optional<Described> described(const Attribute& attribute, const std::vector<Value>& values) {
  if (attribute.types.size() != 1 || values.size() != 1) return std::nullopt;
  Described made{.name = attribute.name, .unit = attribute.unit};
  const auto range = [&](double value) {
    // A file in circulation states none: then from the value's mirror image to twice the value.
    const double reach = std::max(1.0, 2.0 * std::abs(value));
    made.minimum = attribute.minimum.value_or(value < 0.0 ? -reach : 0.0);
    made.maximum = attribute.maximum.value_or(reach);
  };
  if (attribute.types[0] == AttributeType::kFloat) {
    range(std::get<double>(values[0]));
  } else if (attribute.types[0] == AttributeType::kInt) {
    range(static_cast<double>(std::get<std::int64_t>(values[0])));
    made.whole = true;
  } else if (attribute.types[0] == AttributeType::kBool) {
    made.whole = true;
  } else {
    return std::nullopt;
  }
  if (!(made.maximum > made.minimum)) return std::nullopt;
  made.own = number(values[0]);
  return made;
}

class PlayerBackend final : public Backend {
 public:
  explicit PlayerBackend(std::shared_ptr<Knobs> knobs)
      : knobs_(std::move(knobs)), latents_(std::make_shared<LatentKnobs>(knobs_)) {}

  void set_track(const Track& track) override {
    const PlayerHost host{.sample_rate = track.sample_rate,
                          .block = track.block,
                          .offline = track.offline,
                          .fixed = false,
                          .channels = track.channels,
                          .inline_offline = true};
    const std::lock_guard player(player_mutex_);
    const bool other_rate = track_.sample_rate != track.sample_rate;
    track_ = track;
    scratch_.assign(static_cast<std::size_t>(track.block), 0.0F);
    const bool seeded = std::exchange(seeded_, track.offline);
    if (track.offline) {
      note(player_.prepare(host));
      if (!seeded && !choice_.path.empty()) open();
    } else {
      player_.prepare_later(host);
      // A deadline is in the host's samples.
      if ((seeded || other_rate) && !choice_.path.empty()) player_.change(settings());
    }
  }

  std::string choose(const Choice& choice) override {
    // After a failure the player holds the file before, or none.
    const bool anew = choice.path != opened_ || standing() == Standing::kFailed;
    if (anew) {
      auto model = Model::open(choice.path);  // the player's own shares its weights
      if (!model) return model.error().message;
      const std::lock_guard player(player_mutex_);  // `settings` looks at it on main
      model_.emplace(std::move(*model));
      opened_ = choice.path;
    }
    const auto method = method_of(choice.method, model_->contract());
    describe_attributes();
    describe_methods(method);
    const auto first = first_method(model_->contract());
    description_.first = first == "forward" ? first : "no forward: " + first;
    if (auto chain = model_->contract().chain(method); !chain) return chain.error().message;
    const std::lock_guard player(player_mutex_);
    problem_.clear();
    choice_ = choice;
    method_ = method;
    if (track_.offline) {
      open();
    } else if (anew) {
      player_.load(choice.path, settings());
      attributes_are_the_files();
    } else {
      player_.change(settings());
    }
    return problem_;
  }

  Description describe() override { return description_; }

  void tend() override {
    const auto moved = knobs_->moved.exchange(0);
    const auto touched = knobs_->touched.load();
    const std::lock_guard player(player_mutex_);
    for (std::size_t k = 0; k < description_.attributes.size(); ++k) {
      const auto& attribute = description_.attributes[k];
      tend(k, attribute.name, attribute.own, moved, touched);
    }
    if (const auto own = description_.temperature) {
      tend(kAttributes, "temperature", *own, moved, touched);
    }
    for (auto& event : player_.poll()) {
      if (event.kind == PlayerEvent::Kind::kError) problem_ = std::move(event.text);
    }
  }

  std::string problem() override {
    const std::lock_guard player(player_mutex_);
    return problem_;
  }

  Figures figures() override {
    const auto stats = player_.stats();
    return stats ? Figures{.load = stats->load, .late = stats->late} : Figures{};
  }

  void process(const float* const* in, float* const* out, int channels,
               int frames) noexcept override {
    const int wanted = player_.in_channels();
    const int given = player_.out_channels();
    const bool each = wanted == 1 && given == 1;
    // A mono model with a mono track, a stereo model with a stereo one, or one copy for each side.
    if (each || (wanted == channels && given == channels)) {
      player_.process(in, channels, out, channels, frames);
      return;
    }
    const int count = spread(in, channels, frames, wanted);
    float* second = scratch_.data();
    const std::array<float*, 2> outputs{out[0], channels > 1 ? out[1] : second};
    player_.process(inputs_.data(), count, outputs.data(), 2, frames);
    if (given == 1 && channels > 1) std::copy_n(out[0], frames, out[1]);
    if (given > 1 && channels == 1) {
      for (int i = 0; i < frames; ++i) out[0][i] = 0.5F * (out[0][i] + second[i]);
    }
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
  PlayerSettings settings() const {
    PlayerSettings settings;
    settings.method = method_;
    settings.block = choice_.block;
    settings.late = LatePolicy::kSilence;
    settings.latents = latents_;
    if (seeded_) settings.seed = 0;  // offline, the same samples every time
    if (model_ && choice_.deadline != kAutomatic) {
      const auto chain = model_->contract().chain(method_);
      const int step = chain ? chain->step : 1;
      const int block = (choice_.block + step - 1) / step * step;
      const double rate = model_->contract().sample_rate.value_or(track_.sample_rate);
      settings.deadline =
          static_cast<int>(choice_.deadline / 4.0 * block * track_.sample_rate / rate);
    }
    return settings;
  }

  /// [main, audio stopped] Heard from the first sample on.
  void open() {
    note(player_.open(choice_.path, settings()));
    attributes_are_the_files();
  }

  void attributes_are_the_files() {
    told_ = 0;
    knobs_->moved |= knobs_->touched;
  }

  /// Passes on that attribute k was turned, or that it is to be the file's own again.
  void tend(std::size_t k, const std::string& name, double own, std::uint32_t moved,
            std::uint32_t touched) {
    const std::uint32_t bit = 1U << k;
    if ((touched & bit) == 0) {
      show(k);
      if ((told_ & bit) != 0) player_.set(name, {own}, {});
      told_ &= ~bit;
    } else if ((moved & bit) != 0) {
      player_.set(name, {value_of(k, knobs_->attributes[k])}, {});
      told_ |= bit;
    }
  }

  /// The track's channels as the method's: one goes to every input, two become one by their mean.
  /// Inputs beyond the track's are silent. Returns how many there are.
  int spread(const float* const* in, int channels, int frames, int wanted) noexcept {
    if (channels > 1 && wanted == 1) {
      for (int i = 0; i < frames; ++i) {
        scratch_[static_cast<std::size_t>(i)] = 0.5F * (in[0][i] + in[1][i]);
      }
      inputs_[0] = scratch_.data();
      return 1;
    }
    const int count = channels > 1 ? channels : std::min(wanted, kMostChannels);
    for (int c = 0; c < count; ++c) {
      inputs_[static_cast<std::size_t>(c)] = in[channels > 1 ? c : 0];
    }
    return count;
  }

  /// Fits the attributes to parameters, and the parameters nobody has touched to the attributes.
  void describe_attributes() {
    Description made;
    made.others = other_methods(model_->contract());
    for (const auto& attribute : model_->contract().attributes) {
      const auto values = model_->get(attribute.name);
      const auto found = values ? described(attribute, *values) : std::nullopt;
      if (found && found->name == "temperature") {
        made.temperature = found->own;
      } else if (found && made.attributes.size() < kAttributes) {
        made.attributes.push_back(*found);
      }
    }
    description_ = std::move(made);
    for (std::size_t k = 0; k <= kAttributes; ++k) {
      if (description_.own(k)) settle(k);
    }
  }

  void describe_methods(const std::string& chosen) {
    const auto& contract = model_->contract();
    for (std::size_t k = 0; k < kNamedMethods.size(); ++k) {
      description_.playable[k] = contract.chain(method_of(kNamedMethods[k], contract)).has_value();
    }
    if (const auto chain = contract.chain(chosen)) description_.latents = latents_of(*chain);
  }

  /// A knob that nobody has turned shows the model's own value, and one that shows it counts as
  /// not turned: a value that has gone through a host's numbers and back is not quite the same.
  void settle(std::size_t k) {
    const std::uint32_t bit = 1U << k;
    const float own = description_.own(k).value();
    const auto is_own = [&] { return std::abs(knobs_->attributes[k] - own) <= 1e-6F; };
    if ((knobs_->touched & bit) != 0 && is_own()) {
      knobs_->touched &= ~bit;
      if (!is_own()) knobs_->touched |= bit;  // somebody turns it at this moment
    }
    show(k);
  }

  /// The model's own value, unless somebody has turned it, or does so at this moment.
  void show(std::size_t k) {
    auto& knob = knobs_->attributes[k];
    float shown = knob;
    const float own = description_.own(k).value();
    if ((knobs_->touched >> k & 1U) == 0) knob.compare_exchange_strong(shown, own);
  }

  /// A parameter's value as the attribute's.
  double value_of(std::size_t k, float share) const {
    if (k == kAttributes) return share;
    const auto& attribute = description_.attributes[k];
    const double value =
        attribute.minimum + double{share} * (attribute.maximum - attribute.minimum);
    return attribute.whole ? std::round(value) : value;
  }

  void note(const Result<void>& done) {
    if (!done) problem_ = done.error().message;
  }

  std::shared_ptr<Knobs> knobs_;
  std::shared_ptr<LatentKnobs> latents_;

  // Control's own.
  std::optional<Model> model_;
  std::string opened_;  // its path
  Description description_;
  std::uint32_t told_ = 0;  // the attributes, by bit, that the player has other values of

  std::mutex player_mutex_;  // never held while a file is read, but for an offline track
  Player player_;
  Track track_;
  bool seeded_ = false;
  Choice choice_;
  std::string method_ = "forward";
  std::string problem_;

  // Audio's own.
  std::vector<float> scratch_;
  std::array<const float*, kMostChannels> inputs_{};
};

}  // namespace
}  // namespace nnbridge::plugin

nnbridge::plugin::Backend* nnbridge_plugin_backend(nnbridge::plugin::Knobs* knobs) {
  try {
    return new nnbridge::plugin::PlayerBackend(std::shared_ptr<nnbridge::plugin::Knobs>(knobs));
  } catch (const std::exception&) {
    return nullptr;
  }
}
