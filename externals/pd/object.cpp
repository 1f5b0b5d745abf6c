// SPDX-License-Identifier: MIT
#include "object.hpp"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "host.hpp"
#include "report.hpp"
#include "settings.hpp"

namespace nnbridge::pd {
namespace {

static_assert(std::is_same_v<t_sample, float>, "nn~ is built for single-precision Pd");

constexpr double kTickMilliseconds = 20;
constexpr int kTicksBetweenLooksAtArrays = 5;

void on_tick(Object* object) { object->tick(); }

}  // namespace

Object::Arguments Object::parse(int argc, const t_atom* argv) {
  Arguments arguments;
  std::vector<Word> words = to_words(argc, argv);
  std::size_t i = 0;
  const auto text = [&](std::size_t at) {
    const auto* found = at < words.size() ? std::get_if<std::string>(&words[at]) : nullptr;
    return found ? *found : std::string();
  };
  const auto stray = [&](std::size_t at) {
    if (at < words.size() && arguments.stray.empty()) {
      arguments.stray = patcher::to_name(words[at]);
    }
  };
  const auto number = [&](std::size_t at, double least, double most, int otherwise) {
    const auto* found = at < words.size() ? std::get_if<double>(&words[at]) : nullptr;
    if (found && *found >= least && *found <= most) return static_cast<int>(*found);
    stray(at);
    return otherwise;
  };
  for (; i < words.size(); ++i) {
    const std::string flag = text(i);
    if (flag == "-m") {
      arguments.multichannel = true;
    } else if (flag == "-g" || flag == "-gpu") {
      arguments.gpu = true;
    } else if (flag == "-d") {
      arguments.disabled = true;
    } else if (flag == "-compat") {
      arguments.nn_timing = true;
    } else {
      break;
    }
  }
  if (i == words.size()) {
    arguments.empty = true;
  } else if (text(i) == "void") {
    arguments.empty = true;
    constexpr double kMostChannels = 1024;
    arguments.inputs = number(i + 1, 1, kMostChannels, 1);
    arguments.outputs = number(i + 2, 1, kMostChannels, 1);
    arguments.block = number(i + 3, 0, patcher::kMostSamples, kDefaultBlock);
    stray(i + 4);
  } else {
    t_atom name = argv[i];
    std::vector<char> buffer(MAXPDSTRING);
    atom_string(&name, buffer.data(), MAXPDSTRING);
    arguments.model = text(i).empty() ? buffer.data() : text(i);
    // The size may stand in the place of the method.
    std::size_t next = i + 1;
    if (next < words.size() && !text(next).empty()) arguments.method = text(next++);
    arguments.block = number(next, 0, patcher::kMostSamples, kDefaultBlock);
    stray(next + 1);
  }
  return arguments;
}

Object::Object(t_object* owner, const Arguments& arguments)
    : owner_(owner),
      canvas_(canvas_getcurrent()),
      clock_(clock_new(this, reinterpret_cast<t_method>(on_tick))),
      player_(0, 0, settings_of(arguments)),
      multichannel_(arguments.multichannel && has_multichannel()) {
  if (arguments.multichannel && !multichannel_) {
    complain("no multichannel support in Pd " + version() + ", ignoring '-m' flag");
  }
  if (!arguments.stray.empty()) {
    complain("'" + arguments.stray + "' means nothing where it stands: the flags come first, " +
             "then MODEL METHOD SIZE, or void INLETS OUTLETS SIZE");
  }
  if (arguments.disabled) player_.enable(false);
  int inputs = arguments.inputs;
  int outputs = arguments.outputs;
  if (!arguments.empty) {
    open(arguments);
    if (const auto info = player_.info(); info.contract) {
      inputs = info.chain.in_channels();
      outputs = info.chain.out_channels();
    }
  }
  if (multichannel_) {
    make_channels(1, 1);
  } else {
    make_channels(inputs, outputs);
    player_.resize(inputs, outputs);
  }
  tick();
}

PlayerSettings Object::settings_of(const Arguments& arguments) {
  PlayerSettings settings;
  settings.block = arguments.block;
  settings.nn_timing = arguments.nn_timing;
  if (arguments.gpu) settings.device = patcher::kGpu;
  if (!arguments.method.empty()) settings.method = arguments.method;
  return settings;
}

Object::~Object() { clock_free(clock_); }

void Object::open(const Arguments& arguments) {
  const auto path = find_model(canvas_, arguments.model);
  if (!path) return complain("could not find file '" + with_suffix(arguments.model) + "'");
  asked_ = *path;
  PlayerSettings settings = player_.settings();
  auto opened = player_.open(*path, settings);
  if (!opened && arguments.gpu) {
    complain("GPU mode not available: " + opened.error().message);
    settings.device = "cpu";
    opened = player_.open(*path, settings);
  }
  if (!opened) complain(opened.error().message);
}

void Object::make_channels(int inputs, int outputs) {
  inputs_ = inputs;
  outputs_ = outputs;
  for (int i = 1; i < inputs; ++i) inlet_new(owner_, &owner_->ob_pd, &s_signal, &s_signal);
  for (int i = 0; i < outputs; ++i) outlet_new(owner_, &s_signal);
  info_ = outlet_new(owner_, nullptr);
}

void Object::dsp(t_signal** signals) {
  const int frames = signals[0]->s_n;
  const double rate = signals[0]->s_sr;
  const auto info = player_.info();
  wired_in_ = info.contract ? info.chain.in_channels() : 1;
  wired_out_ = info.contract ? info.chain.out_channels() : 1;
  in_.clear();
  out_.clear();
  if (multichannel_) {
    const int given = std::max(channels_of(*signals[0]), 1);
    set_channels(&signals[1], wired_out_);
    for (int i = 0; i < wired_in_; ++i) in_.push_back(signals[0]->s_vec + (i % given) * frames);
    for (int i = 0; i < wired_out_; ++i) out_.push_back(signals[1]->s_vec + i * frames);
  } else {
    for (int i = 0; i < inputs_; ++i) in_.push_back(signals[i]->s_vec);
    for (int i = 0; i < outputs_; ++i) out_.push_back(signals[inputs_ + i]->s_vec);
  }
  const double tick = 1000.0 * sys_getblksize() / std::max(1.0, static_cast<double>(sys_getsr()));
  longest_gap_ = 1.5 * std::max(tick, 1000.0 * frames / rate) + tick;
  prepare({.sample_rate = static_cast<int>(std::lround(rate)),
           .block = frames,
           .burst = is_batch() ? 0 : frames_ahead(rate),
           .offline = is_batch()});
}

void Object::prepare(const PlayerHost& host) {
  host_ = host;
  const auto prepared = player_.prepare(host);
  ready_ = prepared.has_value();
  if (!prepared) complain(prepared.error().message);
}

/// Without a clock to keep to, what is asked for is there at once: a rendering is then the same
/// every time.
void Object::wait_in_batch() {
  if (const auto host = host_; is_batch() && host) prepare(*host);
}

void Object::perform(int frames) noexcept {
  // DSP was off, or a switch~: what was under way then must not be heard now.
  const double now = clock_getlogicaltime();
  if (last_time_ > 0 && clock_gettimesince(last_time_) > longest_gap_) player_.restart();
  last_time_ = now;
  player_.process(in_.data(), static_cast<int>(in_.size()), out_.data(),
                  static_cast<int>(out_.size()), frames);
}

void Object::tick() {
  if (ready_) wait_in_batch();  // else it has said why not, and waits for another message
  for (const auto& event : player_.poll()) handle(event);
  if (tracks_ && ++ticks_ % kTicksBetweenLooksAtArrays == 0) look_at_arrays();
  clock_delay(clock_, kTickMilliseconds);
}

void Object::handle(const PlayerEvent& event) {
  switch (event.kind) {
    case PlayerEvent::Kind::kLoaded:
      // What was set since the latest `load` is meant for this file.
      std::erase_if(tracked_, [this](const auto& one) { return one.second.loads < loads_; });
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
  const auto info = player_.info();
  if (multichannel_ && info.contract &&
      (info.chain.in_channels() != wired_in_ || info.chain.out_channels() != wired_out_)) {
    canvas_update_dsp();
  }
}

/// Arrays have no way to say that they have changed.
void Object::look_at_arrays() {
  for (auto& [attribute, tracked] : tracked_) {
    std::size_t print = 0;
    for (const auto& array : tracked.arrays) print = print * 31 + fingerprint(array);
    if (print == tracked.print) continue;
    tracked.print = print;
    player_.set(attribute, tracked.words, read_array);
  }
}

void Object::set(int argc, const t_atom* argv) {
  if (argc < 2 || argv[0].a_type != A_SYMBOL) {
    return complain("'set' takes the name of an attribute and its values: set temperature 0.5");
  }
  const std::string attribute = argv[0].a_w.w_symbol->s_name;
  Tracked tracked{.words = to_words(argc - 1, argv + 1), .arrays = {}, .print = 0, .loads = loads_};
  player_.set(attribute, tracked.words, read_array);
  for (const auto& word : tracked.words) {
    const auto* name = std::get_if<std::string>(&word);
    if (!name || fingerprint(*name) == 0) continue;
    tracked.arrays.push_back(*name);
    tracked.print = tracked.print * 31 + fingerprint(*name);
  }
  if (tracked.arrays.empty()) {
    tracked_.erase(attribute);
  } else {
    tracked_[attribute] = std::move(tracked);
  }
}

void Object::change(const char* setting, const std::vector<Word>& words) {
  PlayerSettings settings = player_.settings();
  const auto edited = patcher::edit(settings, setting, words);
  if (!edited) return complain(edited.error().message);
  player_.change(settings);
  wait_in_batch();
}

void Object::enable(t_float on) { player_.enable(on != 0); }

void Object::load(const std::string& name) {
  const auto path = find_model(canvas_, name);
  if (!path) return complain("could not find file '" + with_suffix(name) + "'");
  read(*path);
}

void Object::read(const std::filesystem::path& path) {
  asked_ = path;
  ++loads_;
  player_.load(path);
  wait_in_batch();
}

void Object::method(const std::string& name) { change("method", {name}); }

void Object::reload() {
  // The file that is on its way, or that could not be read and may have been mended since.
  const auto playing = player_.info().path;
  const bool under_way = player_.standing() == PlayerStanding::kLoading;
  const auto path = under_way || playing.empty() ? asked_ : playing;
  if (path.empty()) return complain("there is no model to reload");
  read(path);
}

void Object::bufsize(t_float samples) { change("bufsize", {samples}); }

void Object::gpu(t_float on) { change("gpu", {on}); }

void Object::get(const std::string& attribute) { player_.get(attribute); }

void Object::reset() {
  if (!player_.info().contract) return complain("there is no model");
  player_.reset();
}

void Object::deadline(int argc, const t_atom* argv) { change("deadline", to_words(argc, argv)); }

void Object::late(const std::string& policy) { change("late", {policy}); }

void Object::resample(t_float on) { change("resample", {on}); }

void Object::seed(int argc, const t_atom* argv) { change("seed", to_words(argc, argv)); }

void Object::track(t_float on) { tracks_ = on != 0; }

void Object::compat(t_float on) { change("compat", {on}); }

void Object::no_downloads() {
  complain("nn~ doesn't download: put the model's .ts file next to the patch, and load it");
}

}  // namespace nnbridge::pd
