// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "nnbridge/contract.hpp"
#include "nnbridge/result.hpp"
#include "nnbridge/stream.hpp"

/// What a live object of a host holds: a model, or none yet, that can be replaced, switched off and
/// changed in every way while audio runs.
///
/// Threads
/// -------
/// [audio]  `process` and `restart`; the rules of stream.hpp hold.
/// [main]   everything else, from one thread, which may be the audio thread itself (as in Pd). It
///          never waits for a model or a disk, except where "waits" is added.
///
/// Two control threads are shared by all players of the process. One opens files, warms models up
/// and swaps them in, for one player after the other; the other resets and frees what is no longer
/// heard, and waits for no other player's files. What they have to say is fetched with `poll`.
namespace nnbridge {

/// The host's side, as it is now.
struct PlayerHost {
  int sample_rate = 44100;  ///< Hz
  int block = 64;           ///< frames of every call to `process`
  int burst = 0;            ///< frames that may be asked for in one go, by calls back to back
  bool offline = false;     ///< not bound to real time: `process` waits for what is late
  bool fixed = true;        ///< every call brings exactly `block` frames; false: up to `block`
  /// Of a track; 0: the object is no part of one. A method with one audio channel in and out then
  /// runs once for each, with a copy of the model for each.
  int channels = 0;
  bool inline_offline = false;  ///< offline, the model runs inside `process`: less latency
  /// Independent items, each with a state of its own; item b's channel c is row b * channels + c.
  int batch = 1;
  /// Channels of each item for which the host's buffers are laid out; 0: no fixed layout. A model
  /// with others is heard from the next `prepare` with its own on, and the one before until then.
  int item_inputs = 0;
  int item_outputs = 0;

  bool operator==(const PlayerHost&) const = default;
};

/// The user's side.
struct PlayerSettings {
  std::string device = "cpu";
  std::string method = "forward";
  /// Model block asked for, in samples at its rate; 0: no worker, and the smallest block not below
  /// the host's.
  int block = 4096;
  bool resample = true;
  std::optional<int> deadline;  ///< frames at the host's rate; none: from the cost measured
  LatePolicy late = LatePolicy::kSilence;
  std::optional<std::uint64_t> seed;
  std::shared_ptr<LatentEdit> latents;  ///< none: untouched
  /// The latency of IRCAM's nn~, for patches tuned by ear to it: block sizes are powers of two, and
  /// the worker always has a whole block's time.
  bool nn_timing = false;

  bool operator==(const PlayerSettings&) const = default;
};

/// What is heard now, or will be as soon as audio runs.
struct PlayerInfo {
  std::shared_ptr<const Contract> contract;  ///< none: no model
  std::filesystem::path path;
  std::string device = "cpu";
  Chain chain;
  int rate = 0;   ///< of the host, in Hz; 0: not known yet
  int block = 0;  ///< model block
  int deadline = 0;
  std::optional<Latency> latency;  ///< none: no stream yet
};

enum class PlayerStanding : std::uint8_t {
  kEmpty,    ///< nothing was asked for yet
  kLoading,  ///< under way
  kReady,    ///< done
  kFailed,   ///< an event says why
};

struct PlayerEvent {
  enum class Kind : std::uint8_t {
    kLoaded,   ///< a `load` or `reload` is heard
    kMethod,   ///< a change of method is heard
    kChanged,  ///< any other change is heard
    kValue,    ///< the answer to a `get`: name and values
    kNotice,   ///< something to tell the user
    kError,    ///< something that failed; what was heard before plays on
  };
  Kind kind;
  std::string text;
  std::vector<Value> values;
};

/// One element of a host's message.
using Word = std::variant<double, std::string>;

/// Finds a host's array by name, for attributes that take one.
using ArrayReader = std::function<std::optional<BufferValue>(const std::string& name)>;

/// Types a message's elements for an attribute. Numbers are cut to whole ones for an int, and any
/// but 0 is true; "true" and "false" are understood; tensors and buffers are arrays by name.
Result<std::vector<Value>> to_values(const Attribute& attribute, const std::vector<Word>& words,
                                     const ArrayReader& arrays);

/// A value as text, with as many digits as it needs.
std::string to_text(const Value& value);

class Player {
 public:
  /// `inputs` and `outputs` are the channels that the host's object has; 0: as many as a model
  /// wants.
  explicit Player(int inputs = 0, int outputs = 0, const PlayerSettings& settings = {});

  /// [main] Hands everything over to the control threads. `process` must not be called any more.
  ~Player();
  Player(const Player&) = delete;
  Player& operator=(const Player&) = delete;

  /// [audio] As `Stream::process`; silence while there is no model or the player is switched off.
  void process(const float* const* in, int in_count, float* const* out, int out_count,
               int frames) noexcept;

  /// [audio] Time has passed since the last call: nothing of before is to be heard.
  void restart() noexcept;

  /// [main, waits] Opens a file at once, for an object whose channels depend on it.
  Result<void> open(const std::filesystem::path& path, const PlayerSettings& settings);

  /// [main, waits, audio stopped] Makes ready for a host. Does nothing where nothing has changed.
  /// Where a load or change is under way, or waits for its turn, it doesn't wait: the player is
  /// then silent until that is done, or plays on where nothing has changed. Offline it waits.
  Result<void> prepare(const PlayerHost& host);

  /// [main, audio stopped] The same without waiting: silent until a control thread is done.
  void prepare_later(const PlayerHost& host);

  /// [main] The channels that the host's object has, once they are known.
  void resize(int inputs, int outputs);

  /// [main] Another file, or the same one read again. The attributes are then those of the file.
  void load(const std::filesystem::path& path);
  /// With other settings, which the file before is not asked for.
  void load(const std::filesystem::path& path, const PlayerSettings& settings);

  /// [main] Other settings, crossfaded in where that can be.
  void change(const PlayerSettings& settings);
  PlayerSettings settings() const;  ///< the latest asked for

  /// [main] Sets an attribute; what doesn't fit is told by an event. Waits its turn behind a
  /// `load`, and is forgotten where another `load` brings another file meanwhile.
  void set(const std::string& attribute, std::vector<Word> words, ArrayReader arrays);

  /// [main] Reads an attribute; the answer is an event.
  void get(const std::string& attribute);

  /// [main] The model's pristine state, with the attributes set since it was loaded.
  void reset();

  /// [main] Off: silence, no inference, and nothing of before when it is switched on again.
  void enable(bool on);
  bool enabled() const;

  /// [main] What has happened since the last call.
  std::vector<PlayerEvent> poll();

  /// [any thread] What came of the latest `load`, `open` or `change`.
  PlayerStanding standing() const noexcept;

  /// [any thread] Frames by which the host is to move what it hears; 0: no stream yet.
  int latency() const noexcept;

  /// [any thread] Channels of an item of the method that is heard or about to be; 0: no stream yet.
  int in_channels() const noexcept;
  int out_channels() const noexcept;

  PlayerInfo info() const;
  std::optional<Stats> stats() const;  ///< none: no stream yet

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace nnbridge
