// SPDX-License-Identifier: MIT
//
// The messages of nn~, mc.nn~ and mcs.nn~: one function for each, and the table of their names.
#include <array>

#include "object.hpp"
#include "report.hpp"
#include "settings.hpp"

namespace nnbridge::max {

using Words = std::vector<Word>;

struct Messages {
  using Function = void (*)(Object&, const Words&);
  struct Entry {
    const char* name;
    Function run;
  };
  static const std::array<Entry, 13> kAll;
  static const std::array<const char*, 7> kSettings;

  static void bang(Object& x) {
    for (const auto& line : patcher::report(x.player_)) x.out(line.selector, line.values);
  }

  static void load(Object& x, const Words& words) {
    if (words.empty()) return x.complain("'load' takes the name of a model: load percussion");
    const auto path = find_model(patcher::to_name(words[0]));
    if (!path) return x.complain(path.error().message);
    read(x, *path);
  }

  static void read(Object& x, const std::filesystem::path& path) {
    x.asked_ = path;
    x.buffers_.load();
    x.player_.load(path);
  }

  static void reload(Object& x, const Words&) {
    // The file that is on its way, or that could not be read and may have been mended since.
    const auto playing = x.player_.info().path;
    const bool under_way = x.player_.standing() == PlayerStanding::kLoading;
    const auto path = under_way || playing.empty() ? x.asked_ : playing;
    if (path.empty()) return x.complain("there is no model to reload");
    read(x, path);
  }

  static void set(Object& x, const Words& words) {
    if (words.size() < 2) {
      return x.complain("'set' takes the name of an attribute and its values: set temperature 0.5");
    }
    const auto attribute = patcher::to_name(words[0]);
    const Words values(words.begin() + 1, words.end());
    x.player_.set(attribute, values, arrays_of(x.owner_));
    const auto info = x.player_.info();
    const auto* const known = info.contract ? info.contract->find_attribute(attribute) : nullptr;
    if (known) {
      x.buffers_.set(attribute, known->types, values);
    } else if (x.player_.standing() == PlayerStanding::kLoading) {
      x.buffers_.set(attribute, {}, values);
    }
  }

  static void get(Object& x, const Words& words) {
    if (words.empty()) return x.complain("'get' takes the name of an attribute: get temperature");
    x.player_.get(patcher::to_name(words[0]));
  }

  static void list(Object& x, const char* selector,
                   std::vector<Value> (*names_of)(const Contract&)) {
    const auto info = x.player_.info();
    if (!info.contract) return x.complain("there is no model");
    const auto names = names_of(*info.contract);
    for (const auto& name : names) {
      if (const auto text = to_text(name); !text.empty()) x.say(text);
    }
    x.out(selector, names);
  }
  static void get_methods(Object& x, const Words&) { list(x, "methods", patcher::method_names); }
  static void get_attributes(Object& x, const Words&) {
    list(x, "attributes", patcher::attribute_names);
  }

  static void dump(Object& x, const Words&) {
    for (const auto& line : patcher::dump(x.player_.info())) x.say(line);
  }

  static void reset(Object& x, const Words&) { x.player_.reset(); }

  static void latency(Object& x, const Words&) {
    const auto info = x.player_.info();
    if (!info.latency || info.rate <= 0) {
      return x.complain("the latency is known once audio has been on");
    }
    x.out("latency", patcher::latency(info));
  }

  static void stats(Object& x, const Words&) {
    const auto stats = x.player_.stats();
    if (!stats) return x.complain("there are no figures before audio has been on");
    x.out("stats", patcher::figures(*stats));
  }

  static void setting(Object& x, const std::string& name, const Words& words) {
    PlayerSettings settings = x.player_.settings();
    const auto edited = patcher::edit(settings, name, words);
    if (!edited) return x.complain(edited.error().message);
    x.player_.change(settings);
  }

  static void no_downloads(Object& x, const Words&) {
    x.complain("nothing is downloaded: put the model's .ts file into the package's models folder");
  }
};

const std::array<Messages::Entry, 13> Messages::kAll{{
    {"load", load},
    {"reload", reload},
    {"set", set},
    {"get", get},
    {"get_methods", get_methods},
    {"get_attributes", get_attributes},
    {"dump", dump},
    {"reset", reset},
    {"latency", latency},
    {"stats", stats},
    {"print_available_models", no_downloads},
    {"download", no_downloads},
    {"delete", no_downloads},
}};
const std::array<const char*, 7> Messages::kSettings{"method",   "bufsize", "deadline", "late",
                                                     "resample", "seed",    "compat"};

std::vector<const char*> Object::message_names() {
  std::vector<const char*> names(Messages::kSettings.begin(), Messages::kSettings.end());
  for (const auto& entry : Messages::kAll) names.push_back(entry.name);
  return names;
}

void Object::message(const std::string& name, const std::vector<Word>& words) {
  if (name == "bang") return Messages::bang(*this);
  for (const auto& entry : Messages::kAll) {
    if (name == entry.name) return entry.run(*this, words);
  }
  Messages::setting(*this, name, words);
}

}  // namespace nnbridge::max
