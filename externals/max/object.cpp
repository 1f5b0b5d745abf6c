// SPDX-License-Identifier: MIT
#include "object.hpp"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <thread>

#include "report.hpp"
#include "settings.hpp"

namespace nnbridge::max {
namespace {

/// Max's I/O vector where nothing else was chosen, which brings several signal vectors at once. Of
/// a larger one Max's interface says nothing: `deadline` makes room for it.
constexpr int kIoVector = 512;
constexpr double kPauseMilliseconds = 100;
constexpr int kMostChannels = 1024;  // of a signal

PlayerSettings settings_of(const Arguments& arguments, const Attributes& attributes) {
  PlayerSettings settings;
  settings.block = arguments.block;
  if (!arguments.method.empty()) settings.method = arguments.method;
  if (attributes.gpu) settings.device = patcher::kGpu;
  return settings;
}

int inputs_of(const PlayerInfo& info) { return info.contract ? info.chain.in_channels() : 1; }
int outputs_of(const PlayerInfo& info) { return info.contract ? info.chain.out_channels() : 1; }

}  // namespace

Object::Object(t_object* owner, Layout layout, const Arguments& arguments,
               const Attributes& attributes)
    : owner_(owner),
      layout_(layout),
      arguments_(arguments),
      inlets_(std::max(1, arguments.inlets)),
      outlets_(std::max(1, arguments.outlets)),
      chans_(attributes.chans),
      gpu_(attributes.gpu),
      buffers_(owner),
      player_(0, 0, settings_of(arguments, attributes)) {
  player_.enable(attributes.enable);
  buffers_.track(attributes.track_buffers);
}

Result<void> Object::open() {
  if (arguments_.empty) return {};
  const auto path = find_model(arguments_.model);
  if (path) asked_ = *path;
  auto opened =
      path ? player_.open(*path, player_.settings()) : Result<void>(tl::unexpected(path.error()));
  if (path && !opened && player_.settings().device != "cpu") {
    complain("GPU mode not available: " + opened.error().message);
    PlayerSettings settings = player_.settings();
    settings.device = "cpu";
    opened = player_.open(*path, settings);
  }
  if (!opened) {
    if (!arguments_.says_channels()) return opened;
    complain(opened.error().message);  // and wait for a `load`
    return {};
  }
  const auto info = player_.info();
  if (arguments_.inlets == 0) inlets_ = inputs_of(info);
  if (arguments_.outlets == 0) outlets_ = outputs_of(info);
  if (layout_ != Layout::kItems && (inlets_ != inputs_of(info) || outlets_ != outputs_of(info))) {
    say("the model takes " + std::to_string(inputs_of(info)) + " channels and gives " +
        std::to_string(outputs_of(info)) + ", and the object has " + std::to_string(inlets_) +
        " inlets and " + std::to_string(outlets_) + " outlets");
  }
  return {};
}

int Object::channels_out() const {
  if (layout_ == Layout::kSingle) return 1;
  if (chans_ > 0) return chans_;
  int count = 1;
  if (layout_ == Layout::kItems) {
    count = outputs_of(player_.info());
  } else if (!counts_in_.empty()) {
    count = *std::max_element(counts_in_.begin(), counts_in_.end());
  }
  return std::clamp(count, 1, kMostChannels);
}

bool Object::set_count_in(int inlet, int count) {
  if (inlet < 0 || inlet >= inlets_) return false;
  const int before = channels_out();
  counts_in_.resize(static_cast<std::size_t>(inlets_), 1);
  counts_in_[static_cast<std::size_t>(inlet)] = count;
  return channels_out() != before;
}

Wiring* Object::compile(double sample_rate, int vector_size, const std::vector<int>& counts,
                        int channels) {
  const auto info = player_.info();
  counts_in_ = counts;
  compiled_inputs_ = inputs_of(info);
  compiled_outputs_ = outputs_of(info);
  compiled_channels_ = channels;
  auto wiring = std::make_unique<Wiring>(Wiring::Shape{.layout = layout_,
                                                       .counts = counts,
                                                       .outlets = outlets_,
                                                       .outlet_channels = channels,
                                                       .model_inputs = compiled_inputs_,
                                                       .model_outputs = compiled_outputs_,
                                                       .vector_size = vector_size});
  if (layout_ == Layout::kItems && info.contract) {
    for (const int count : counts) {
      if (count == compiled_inputs_) continue;
      say("got " + std::to_string(count) + " for " + std::to_string(compiled_inputs_) +
          " model inputs");
      break;
    }
  }
  longest_gap_ = kPauseMilliseconds + 4000.0 * vector_size / sample_rate;

  // The player is prepared with audio stopped, whatever becomes of the chain before this one.
  playing_.store(nullptr);
  while (performing_.load()) std::this_thread::yield();
  const PlayerHost host{.sample_rate = static_cast<int>(std::lround(sample_rate)),
                        .block = vector_size,
                        .burst = kIoVector,
                        .batch = wiring->batch(),
                        .item_inputs = compiled_inputs_,
                        .item_outputs = compiled_outputs_};
  if (const auto ready = player_.prepare(host); !ready) complain(ready.error().message);
  wiring_before_ = std::exchange(wiring_, std::move(wiring));
  playing_.store(wiring_.get());
  return wiring_.get();
}

void Object::perform(Wiring* wiring, double** ins, int in_count, double** outs, int out_count,
                     int frames) noexcept {
  performed_.fetch_add(1, std::memory_order_relaxed);
  performing_.store(true);
  if (playing_.load() != wiring) {
    performing_.store(false);
    for (int signal = 0; signal < out_count; ++signal) std::fill_n(outs[signal], frames, 0.0);
    return;
  }
  if (stale_.exchange(false, std::memory_order_relaxed)) player_.restart();
  const auto& in = wiring->in_rows();
  const auto& out = wiring->out_rows();
  for (int done = 0; done < frames; done += wiring->vector_size()) {
    const int piece = std::min(frames - done, wiring->vector_size());
    wiring->gather(ins, in_count, done, piece);
    player_.process(in.data(), static_cast<int>(in.size()), out.data(),
                    static_cast<int>(out.size()), piece);
    wiring->scatter(outs, out_count, done, piece);
  }
  performing_.store(false);
}

bool Object::poll(bool muted) {
  for (const auto& event : player_.poll()) handle(event);
  for (const auto& setting : buffers_.changed()) {
    player_.set(setting.attribute, setting.words, arrays_of(owner_));
  }
  if (!wiring_) return false;
  watch_audio(muted);
  const auto info = player_.info();
  if (inputs_of(info) == compiled_inputs_ && outputs_of(info) == compiled_outputs_ &&
      channels_out() == compiled_channels_) {
    return false;
  }
  compiled_inputs_ = inputs_of(info);  // asked for once
  compiled_outputs_ = outputs_of(info);
  compiled_channels_ = channels_out();
  return true;
}

/// When audio stands still, or the object is muted, what is under way must not be heard later.
void Object::watch_audio(bool muted) {
  const int performed = performed_.load(std::memory_order_relaxed);
  quiet_ = performed == seen_performed_ ? quiet_ + kPollMilliseconds : 0;
  seen_performed_ = performed;
  if (muted || quiet_ > longest_gap_) stale_.store(true, std::memory_order_relaxed);
}

void Object::handle(const PlayerEvent& event) {
  switch (event.kind) {
    case PlayerEvent::Kind::kLoaded:
      buffers_.loaded();
      out("loaded", {Value(std::int64_t{1})});
      break;
    case PlayerEvent::Kind::kMethod:
      out("method", {Value(event.text)});
      break;
    case PlayerEvent::Kind::kChanged:
      break;
    case PlayerEvent::Kind::kValue: {
      say(patcher::value_line(event));
      std::vector<Value> values{Value(event.text)};
      values.insert(values.end(), event.values.begin(), event.values.end());
      out("get", values);
      break;
    }
    case PlayerEvent::Kind::kNotice:
      say(event.text);
      break;
    case PlayerEvent::Kind::kError:
      complain(event.text);
      break;
  }
}

void Object::notified(t_symbol* name, t_symbol* message, void* sender, void* data) {
  buffers_.notified(name, message, sender, data);
}

void Object::gpu(bool on) {
  if (std::exchange(gpu_, on) == on) return;
  message("gpu", {Word(on ? 1.0 : 0.0)});
}

void Object::chans(int count) { chans_ = count; }

void Object::out(const std::string& selector, const std::vector<Value>& values) {
  if (!info_outlet_) return;
  if (const auto sent = send(info_outlet_, selector, values); !sent) {
    complain(sent.error().message);
  }
}

void Object::say(const std::string& text) {
  object_post(owner_, "%s: %s", name_of(layout_), text.c_str());
}

void Object::complain(const std::string& text) {
  object_error(owner_, "%s: %s", name_of(layout_), text.c_str());
}

std::string Object::assist(bool inlet, int index) const {
  if (!inlet && index >= outlets_) return "(message) answers, and what has happened";
  const auto info = player_.info();
  const std::string kind = layout_ == Layout::kSingle ? "(signal)" : "(multichannel)";
  if (layout_ == Layout::kItems) {
    return kind + " item " + std::to_string(index) + (inlet ? ": model inputs" : ": model outputs");
  }
  if (info.contract) {
    const auto& labels =
        inlet ? info.chain.methods.front().in_labels : info.chain.methods.back().out_labels;
    const auto at = static_cast<std::size_t>(index);
    if (at < labels.size() && !labels[at].empty()) {
      constexpr std::string_view kSignal = "(signal)";
      return labels[at].starts_with(kSignal) ? kind + labels[at].substr(kSignal.size())
                                             : labels[at];
    }
  }
  return kind + (inlet ? " model input " : " model output ") + std::to_string(index);
}

}  // namespace nnbridge::max
