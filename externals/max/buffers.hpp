// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

// clang-format off: Max's headers want this order.
#include "host.hpp"
#include "ext_buffer.h"
// clang-format on

namespace nnbridge::max {

/// The buffer~ objects that attributes of a model were set from. Max tells of each when it appears,
/// goes, or changes. [main], but for `notified` [any thread].
class BufferTracker {
 public:
  explicit BufferTracker(t_object* owner) : owner_(owner) {}

  void track(bool on) { on_ = on; }

  /// An attribute was set with these words, which may name a buffer~ that comes later. Without its
  /// types, of a model that is on its way, every symbol may.
  void set(const std::string& attribute, const std::vector<AttributeType>& types,
           const std::vector<Word>& words);
  /// A model was asked for: what is set from now on is meant for it.
  void load() { ++loads_; }
  /// It is heard.
  void loaded();

  void notified(t_symbol* name, t_symbol* message, void* sender, void* data);

  struct Setting {
    std::string attribute;
    std::vector<Word> words;
  };
  /// Attributes to be set again, since a buffer~ of theirs has changed.
  std::vector<Setting> changed();

 private:
  struct Free {
    void operator()(void* object) const { object_free(object); }
  };
  struct Tracked {
    std::vector<Word> words;
    std::map<std::string, std::unique_ptr<t_buffer_ref, Free>> references;
    bool changed = false;
    int loads = 0;  // how many there had been
  };

  t_object* owner_;
  bool on_ = false;
  int loads_ = 0;
  std::mutex mutex_;  // never held while Max makes or frees a reference
  std::map<std::string, Tracked> tracked_;
};

}  // namespace nnbridge::max
