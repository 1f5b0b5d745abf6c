// SPDX-License-Identifier: MIT
#include "object.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace nnbridge::max {
namespace {

constexpr int kMostInlets = 1024;
constexpr int kPollsBetweenLooks = 5;

constexpr const char* kDevice =
#if defined(__APPLE__)
    "mps";
#else
    "cuda";
#endif

PlayerSettings settings_of(const Object::Arguments& arguments) {
  PlayerSettings settings;
  settings.block = arguments.block;
  if (!arguments.method.empty()) settings.method = arguments.method;
  return settings;
}

}  // namespace

const char* name_of(Layout layout) {
  switch (layout) {
    case Layout::kBatches:
      return "mc.nn~";
    case Layout::kItems:
      return "mcs.nn~";
    case Layout::kSingle:
      break;
  }
  return "nn~";
}

Object::Arguments Object::parse(Layout layout, const std::vector<Word>& words) {
  Arguments arguments;
  const bool items = layout == Layout::kItems;
  const auto text = [&](std::size_t at) {
    const auto* found = at < words.size() ? std::get_if<std::string>(&words[at]) : nullptr;
    return found ? *found : std::string();
  };
  const auto number = [&](std::size_t at, int otherwise, int most) {
    const auto* found = at < words.size() ? std::get_if<double>(&words[at]) : nullptr;
    return found ? static_cast<int>(std::clamp(*found, 0.0, static_cast<double>(most))) : otherwise;
  };
  const int usual = items ? kDefaultItemsBlock : kLeastBlock;
  arguments.empty = words.empty() || text(0) == "void";
  if (!arguments.empty)
    arguments.model = text(0).empty() ? to_text(number(0, 0, 1 << 30)) : text(0);
  // A number may stand in the place of the method.
  std::size_t next = 1;
  if (!arguments.empty && !text(next).empty()) arguments.method = text(next++);
  if (items) {
    arguments.inlets = std::clamp(number(next, 1, kMostInlets), 1, kMostInlets);
    arguments.outlets = arguments.inlets;
    arguments.block = number(next + 1, usual, 1000000);
  } else if (arguments.empty) {
    arguments.inlets = std::max(1, number(next, 1, kMostInlets));
    arguments.outlets = std::max(1, number(next + 1, 1, kMostInlets));
    arguments.block = number(next + 2, usual, 1000000);
  } else {
    arguments.block = number(next, usual, 1000000);
    arguments.inlets = number(next + 1, 0, kMostInlets);
    arguments.outlets = number(next + 2, 0, kMostInlets);
  }
  return arguments;
}

Object::Object(t_object* owner, Layout layout, const Arguments& arguments)
    : owner_(owner), layout_(layout), player_(0, 0, settings_of(arguments)) {
  if (!arguments.empty) {
    if (const auto path = find_model(arguments.model)) {
      const auto opened = player_.open(*path, player_.settings());
      if (!opened) complain(opened.error().message);
    } else {
      complain("could not find file '" + file_name(arguments.model) + "'");
    }
  }
  const auto info = player_.info();
  const int in_channels = info.contract ? info.chain.in_channels() : 1;
  const int out_channels = info.contract ? info.chain.out_channels() : 1;
  inlets_ = arguments.inlets > 0 ? arguments.inlets : in_channels;
  outlets_ = arguments.outlets > 0 ? arguments.outlets : out_channels;
  if (info.contract && layout != Layout::kItems &&
      (inlets_ != in_channels || outlets_ != out_channels)) {
    say("the model takes " + std::to_string(in_channels) + " channels and gives " +
        std::to_string(out_channels) + ", and the object has " + std::to_string(inlets_) +
        " inlets and " + std::to_string(outlets_) + " outlets");
  }
}

int Object::channels_out(int outlet, const std::vector<int>& counts) const {
  if (layout_ == Layout::kSingle || outlet >= outlets_) return 1;
  if (chans_ > 0) return chans_;
  const auto info = player_.info();
  if (layout_ == Layout::kItems) return info.contract ? info.chain.out_channels() : 1;
  return counts.empty() ? 1 : std::max(1, *std::max_element(counts.begin(), counts.end()));
}

void Object::set_count_in(int inlet, int count) {
  counts_in_.resize(static_cast<std::size_t>(inlets_), 1);
  if (inlet >= 0 && inlet < inlets_) counts_in_[static_cast<std::size_t>(inlet)] = count;
}

void Object::compile(double sample_rate, int vector_size, const std::vector<int>& counts) {
  compiled_for_ = player_.info();
  counts_in_ = counts;
  const bool loaded = compiled_for_.contract != nullptr;
  const int inputs = loaded ? compiled_for_.chain.in_channels() : 1;
  const int outputs = loaded ? compiled_for_.chain.out_channels() : 1;
  const int most = counts.empty() ? 1 : *std::max_element(counts.begin(), counts.end());
  batch_ = layout_ == Layout::kSingle    ? 1
           : layout_ == Layout::kBatches ? std::max(1, most)
                                         : inlets_;
  std::vector<int> first(1, 0);  // channel of all those that come in, at which an inlet begins
  for (const int count : counts) first.push_back(first.back() + count);
  const int wide = channels_out(0, counts);

  in_from_.clear();
  out_to_.clear();
  for (int item = 0; item < batch_; ++item) {
    for (int channel = 0; channel < inputs; ++channel) {
      const int inlet = layout_ == Layout::kItems ? item : channel;
      const int within = layout_ == Layout::kItems ? channel : item;
      const auto at = static_cast<std::size_t>(inlet);
      in_from_.push_back(at < counts.size() && within < counts[at] ? first[at] + within : -1);
    }
    for (int channel = 0; channel < outputs; ++channel) {
      const int outlet = layout_ == Layout::kItems ? item : channel;
      const int within = layout_ == Layout::kItems ? channel : item;
      out_to_.push_back(outlet < outlets_ && within < wide ? outlet * wide + within : -1);
    }
  }
  const auto frames = static_cast<std::size_t>(vector_size);
  vector_size_ = vector_size;
  in_buffers_.assign(in_from_.size(), std::vector<float>(frames));
  out_buffers_.assign(out_to_.size(), std::vector<float>(frames));
  in_rows_.clear();
  out_rows_.clear();
  for (auto& buffer : in_buffers_) in_rows_.push_back(buffer.data());
  for (auto& buffer : out_buffers_) out_rows_.push_back(buffer.data());

  if (layout_ == Layout::kItems && loaded) {
    for (const int count : counts) {
      if (count == inputs) continue;
      say("got " + std::to_string(count) + " for " + std::to_string(inputs) + " model inputs");
      break;
    }
  }
  const PlayerHost host{.sample_rate = static_cast<int>(std::lround(sample_rate)),
                        .block = vector_size,
                        .batch = batch_,
                        .item_inputs = inputs,
                        .item_outputs = outputs};
  if (const auto ready = player_.prepare(host); !ready) complain(ready.error().message);
}

void Object::perform(double** ins, int in_count, double** outs, int out_count,
                     int frames) noexcept {
  for (int done = 0; done < frames; done += vector_size_) {
    const int piece = std::min(frames - done, vector_size_);
    for (std::size_t row = 0; row < in_from_.size(); ++row) {
      const int from = in_from_[row];
      float* const to = in_buffers_[row].data();
      for (int i = 0; i < piece; ++i) {
        to[i] = from >= 0 && from < in_count ? static_cast<float>(ins[from][done + i]) : 0.0F;
      }
    }
    player_.process(in_rows_.data(), static_cast<int>(in_rows_.size()), out_rows_.data(),
                    static_cast<int>(out_rows_.size()), piece);
    for (int channel = 0; channel < out_count; ++channel) {
      std::fill_n(outs[channel] + done, piece, 0.0);
    }
    for (std::size_t row = 0; row < out_to_.size(); ++row) {
      const int to = out_to_[row];
      if (to >= 0 && to < out_count) {
        std::copy_n(out_buffers_[row].data(), piece, outs[to] + done);
      }
    }
  }
}

/// Only the player's state matters here: a mapping that fits is left alone.
bool Object::wants_compiling() {
  if (vector_size_ == 0) return false;
  const auto info = player_.info();
  if (!info.contract) return false;
  const bool same = compiled_for_.contract &&
                    info.chain.in_channels() == compiled_for_.chain.in_channels() &&
                    info.chain.out_channels() == compiled_for_.chain.out_channels();
  if (same) return false;
  compiled_for_ = info;
  return true;
}

void Object::poll() {
  for (const auto& event : player_.poll()) handle(event);
  if (tracks_ && ++polls_ % kPollsBetweenLooks == 0) look_at_buffers();
}

void Object::handle(const PlayerEvent& event) {
  std::vector<t_atom> atoms;
  switch (event.kind) {
    case PlayerEvent::Kind::kLoaded:
      tracked_.clear();
      append(atoms, std::int64_t{1});
      out("loaded", atoms);
      break;
    case PlayerEvent::Kind::kMethod:
      append(atoms, event.text);
      out("method", atoms);
      break;
    case PlayerEvent::Kind::kChanged:
      break;
    case PlayerEvent::Kind::kValue: {
      append(atoms, event.text);
      std::string line = event.text + ":";
      for (const auto& value : event.values) {
        append(atoms, value);
        line += " " + to_text(value);
      }
      say(line);
      out("get", atoms);
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

ArrayReader Object::arrays() const {
  return [owner = owner_](const std::string& name) { return read_array(owner, name); };
}

void Object::gpu(bool on) {
  const std::string device = on ? kDevice : "cpu";
  if (player_.settings().device == device) return;
  change([&](PlayerSettings& settings) { settings.device = device; });
}

namespace {

bool same(const BufferValue& one, const BufferValue& other) {
  return one.channels == other.channels && one.frames == other.frames &&
         one.sample_rate == other.sample_rate && one.samples == other.samples;
}

std::vector<BufferValue> contents(const std::vector<Word>& words, const ArrayReader& arrays) {
  std::vector<BufferValue> all;
  for (const auto& word : words) {
    const auto* name = std::get_if<std::string>(&word);
    if (!name) continue;
    if (auto found = arrays(*name)) all.push_back(std::move(*found));
  }
  return all;
}

}  // namespace

void Object::look_at_buffers() {
  for (auto& [attribute, tracked] : tracked_) {
    auto now = contents(tracked.words, arrays());
    if (std::equal(now.begin(), now.end(), tracked.seen.begin(), tracked.seen.end(), same)) {
      continue;
    }
    tracked.seen = std::move(now);
    player_.set(attribute, tracked.words, arrays());
  }
}

void Object::out(const char* selector, std::vector<t_atom> atoms) {
  if (!info_outlet_) return;
  outlet_anything(info_outlet_, gensym(selector), static_cast<short>(atoms.size()), atoms.data());
}

void Object::say(const std::string& text) {
  object_post(owner_, "%s: %s", name_of(layout_), text.c_str());
}

void Object::complain(const std::string& text) {
  object_error(owner_, "%s: %s", name_of(layout_), text.c_str());
}

std::string Object::assist(bool inlet, int index) const {
  if (!inlet && index == outlets_) return "(message) what nn~ has to say";
  const auto info = player_.info();
  const char* const kind = layout_ == Layout::kSingle ? "(signal)" : "(multichannel)";
  if (layout_ == Layout::kItems) {
    return std::string(kind) + " item " + std::to_string(index) +
           (inlet ? ": the model's inputs" : ": the model's outputs");
  }
  if (info.contract) {
    const auto& labels =
        inlet ? info.chain.methods.front().in_labels : info.chain.methods.back().out_labels;
    const auto at = static_cast<std::size_t>(index);
    if (at < labels.size() && !labels[at].empty()) return labels[at];
  }
  return std::string(kind) + (inlet ? " model input " : " model output ") + std::to_string(index);
}

}  // namespace nnbridge::max
