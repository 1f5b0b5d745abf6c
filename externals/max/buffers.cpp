// SPDX-License-Identifier: MIT
#include "buffers.hpp"

namespace nnbridge::max {

namespace {

bool is_buffer(AttributeType type) {
  return type == AttributeType::kBuffer || type == AttributeType::kTensor;
}

}  // namespace

void BufferTracker::set(const std::string& attribute, const std::vector<AttributeType>& types,
                        const std::vector<Word>& words) {
  Tracked tracked{.words = words, .references = {}, .changed = false, .loads = loads_};
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto* name = std::get_if<std::string>(&words[i]);
    if (!name || tracked.references.count(*name)) continue;
    if (!types.empty() && (i >= types.size() || !is_buffer(types[i]))) continue;
    tracked.references[*name].reset(buffer_ref_new(owner_, gensym(name->c_str())));
  }
  const std::lock_guard lock(mutex_);
  std::swap(tracked_[attribute], tracked);
  if (tracked_[attribute].references.empty()) tracked_.erase(attribute);
}

void BufferTracker::loaded() {
  std::map<std::string, Tracked> gone;
  const std::lock_guard lock(mutex_);
  for (auto at = tracked_.begin(); at != tracked_.end();) {
    const auto next = std::next(at);
    if (at->second.loads < loads_) gone.insert(tracked_.extract(at));
    at = next;
  }
}

void BufferTracker::notified(t_symbol* name, t_symbol* message, void* sender, void* data) {
  const std::string what = message->s_name;
  const bool content = what == "buffer_modified" || what == "globalsymbol_binding";
  const std::lock_guard lock(mutex_);
  for (auto& [attribute, tracked] : tracked_) {
    for (const auto& [buffer, reference] : tracked.references) {
      // By this a reference keeps itself up to date.
      buffer_ref_notify(reference.get(), name, message, sender, data);
      if (content && buffer == name->s_name) tracked.changed = true;
    }
  }
}

std::vector<BufferTracker::Setting> BufferTracker::changed() {
  std::vector<Setting> settings;
  const std::lock_guard lock(mutex_);
  for (auto& [attribute, tracked] : tracked_) {
    if (std::exchange(tracked.changed, false) && on_) {
      settings.push_back({attribute, tracked.words});
    }
  }
  return settings;
}

}  // namespace nnbridge::max
