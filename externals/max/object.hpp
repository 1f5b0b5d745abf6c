// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "host.hpp"
#include "nnbridge/player.hpp"

namespace nnbridge::max {

/// How an object's inlets and their channels become a model's batch and channels.
enum class Layout : std::uint8_t {
  kSingle,   ///< nn~: an inlet is a channel of the model
  kBatches,  ///< mc.nn~: an inlet is a channel of the model, and its channels are items
  kItems,    ///< mcs.nn~: an inlet is an item, and its channels are those of the model
};
const char* name_of(Layout layout);

/// One nn~, mc.nn~ or mcs.nn~ in a patcher: translates between Max's words and a player's.
///
/// [audio]  `perform`
/// [main]   everything else. Max's scheduler never comes here: see classes.cpp.
class Object {
 public:
  /// What stands in the box behind the name, up to the first attribute.
  struct Arguments {
    bool empty = false;  // void, or nothing
    std::string model;
    std::string method;  // empty: forward
    int inlets = 0;      // 0: as many as the model wants
    int outlets = 0;
    int block = 512;
  };
  /// nn~ takes the largest ratio of the file where no size is given, which leaves models of ratio 1
  /// with one sample. The block is the smallest that the model allows and not below this.
  static constexpr int kLeastBlock = 512;
  static constexpr int kDefaultItemsBlock = 4096;
  static Arguments parse(Layout layout, const std::vector<Word>& words);

  /// Opens the model, and waits for it: the inlets depend on it.
  Object(t_object* owner, Layout layout, const Arguments& arguments);

  int inlets() const { return inlets_; }
  int outlets() const { return outlets_; }
  void set_info_outlet(void* outlet) { info_outlet_ = outlet; }
  std::string assist(bool inlet, int index) const;

  // DSP.
  int channels_out(int outlet, const std::vector<int>& counts) const;
  const std::vector<int>& counts_in() const { return counts_in_; }
  /// What Max says of an inlet before it compiles.
  void set_count_in(int inlet, int count);
  /// `counts`: the channels that come into each inlet.
  void compile(double sample_rate, int vector_size, const std::vector<int>& counts);
  void perform(double** ins, int in_count, double** outs, int out_count, int frames) noexcept;
  /// Whether the channels no longer are those that DSP was compiled for. Says so once.
  bool wants_compiling();

  /// Now and then: what has happened meanwhile.
  void poll();

  /// Any message that `message_names` has.
  void message(const std::string& name, const std::vector<Word>& words);
  static std::vector<const char*> message_names();

  // Attributes.
  void enable(bool on) { player_.enable(on); }
  void gpu(bool on);
  void track_buffers(bool on) { tracks_ = on; }
  void chans(int count) { chans_ = count; }

  void complain(const std::string& text);

 private:
  friend struct Messages;  // messages.cpp
  struct Tracked {
    std::vector<Word> words;
    std::vector<BufferValue> seen;
  };

  void handle(const PlayerEvent& event);
  void look_at_buffers();
  ArrayReader arrays() const;
  void out(const char* selector, std::vector<t_atom> atoms);
  void say(const std::string& text);
  template <class Edit>
  void change(Edit edit) {
    PlayerSettings settings = player_.settings();
    edit(settings);
    player_.change(settings);
  }

  t_object* owner_;
  Layout layout_;
  void* info_outlet_ = nullptr;
  int inlets_ = 1;
  int outlets_ = 1;
  int chans_ = 0;
  bool tracks_ = false;
  int polls_ = 0;
  std::map<std::string, Tracked> tracked_;
  PlayerInfo compiled_for_;

  // From one compilation to the next.
  int batch_ = 1;
  int vector_size_ = 0;
  std::vector<int> counts_in_;
  std::vector<int> in_from_;  // for each row of the model the channel it comes from; -1: silence
  std::vector<int> out_to_;   // for each row the channel that it goes to; -1: nowhere
  std::vector<std::vector<float>> in_buffers_;
  std::vector<std::vector<float>> out_buffers_;
  std::vector<const float*> in_rows_;
  std::vector<float*> out_rows_;

  Player player_;
};

}  // namespace nnbridge::max
