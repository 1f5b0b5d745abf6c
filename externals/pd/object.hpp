// SPDX-License-Identifier: MIT
#pragma once

#include <m_pd.h>

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "nnbridge/player.hpp"

namespace nnbridge::pd {

/// One [nn~] in a patch: translates between Pd's words and a player's.
///
/// Everything here runs on Pd's one thread, which also makes the audio. A message never waits for a
/// model or a disk; creating an object does, because its inlets depend on the model.
class Object {
 public:
  /// What stands in the box behind `nn~`.
  struct Arguments {
    bool multichannel = false;  // -m
    bool gpu = false;           // -g, -gpu
    bool disabled = false;      // -d
    bool nn_timing = false;     // -compat
    bool empty = false;         // void
    std::string model;
    std::string method;  // empty: forward
    int inputs = 1;      // of void
    int outputs = 1;
    int block = kDefaultBlock;
    std::string stray;  // a word that means nothing where it stands, if there is one
  };
  static Arguments parse(int argc, const t_atom* argv);
  static constexpr int kDefaultBlock = 4096;

  Object(t_object* owner, const Arguments& arguments);
  ~Object();
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;

  void dsp(t_signal** signals);
  void perform(int frames) noexcept;
  /// Every few milliseconds: what has happened meanwhile.
  void tick();

  // Messages, in the order of docs/pd.md.
  void bang();
  void enable(t_float on);
  void load(const std::string& name);
  void method(const std::string& name);
  void reload();
  void set(int argc, const t_atom* argv);
  void bufsize(t_float samples);
  void gpu(t_float on);
  void get(const std::string& attribute);
  void dump();
  void get_methods();
  void get_attributes();
  void reset();
  void latency();
  void stats();
  void deadline(int argc, const t_atom* argv);
  void late(const std::string& policy);
  void resample(t_float on);
  void seed(int argc, const t_atom* argv);
  void track(t_float on);
  void compat(t_float on);
  void no_downloads();

 private:
  struct Tracked {
    std::vector<Word> words;
    std::vector<std::string> arrays;
    std::size_t print = 0;
    int loads = 0;  // how many there had been
  };

  static PlayerSettings settings_of(const Arguments& arguments);
  void open(const Arguments& arguments);
  void read(const std::filesystem::path& path);
  void make_channels(int inputs, int outputs);
  void handle(const PlayerEvent& event);
  void look_at_arrays();
  void prepare(const PlayerHost& host);
  void wait_in_batch();
  void out(const std::string& selector, const std::vector<Value>& values);
  void say(const std::string& text);
  void complain(const std::string& text);
  void change(const char* setting, const std::vector<Word>& words);

  t_object* owner_;
  t_canvas* canvas_;
  t_outlet* info_ = nullptr;
  t_clock* clock_;
  Player player_;
  std::optional<PlayerHost> host_;  // none: DSP has never been on
  bool ready_ = false;              // the player plays for it
  bool multichannel_;
  int inputs_ = 1;   // signal inlets
  int outputs_ = 1;  // signal outlets
  std::vector<const t_sample*> in_;
  std::vector<t_sample*> out_;
  int wired_in_ = 0;  // channels of the model when the signals were last wired
  int wired_out_ = 0;
  double last_time_ = 0;    // Pd's, at the last block; 0: none yet
  double longest_gap_ = 0;  // milliseconds between blocks that follow each other
  bool tracks_ = false;
  std::map<std::string, Tracked> tracked_;
  std::filesystem::path asked_;  // the file asked for last
  int loads_ = 0;
  int ticks_ = 0;
};

}  // namespace nnbridge::pd
