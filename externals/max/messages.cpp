// SPDX-License-Identifier: MIT
//
// The messages of nn~, mc.nn~ and mcs.nn~: one function for each, and the table of their names.
#include <algorithm>
#include <array>

#include "object.hpp"

namespace nnbridge::max {
namespace {

using Words = std::vector<Word>;

std::optional<double> number(const Words& words) {
  const auto* found = words.empty() ? nullptr : std::get_if<double>(&words[0]);
  return found ? std::optional(*found) : std::nullopt;
}

std::string text(const Words& words) {
  const auto* found = words.empty() ? nullptr : std::get_if<std::string>(&words[0]);
  return found ? *found : std::string();
}

template <class Named>
std::string listed(const std::vector<Named>& all) {
  std::string line;
  for (const auto& one : all) line += one.name + "; ";
  return line;
}

}  // namespace

struct Messages {
  using Function = void (*)(Object&, const Words&);
  struct Entry {
    const char* name;
    Function run;
  };
  static const std::array<Entry, 20> kAll;

  static void load(Object& x, const Words& words) {
    const auto path = find_model(text(words));
    if (!path) return x.complain("could not find file '" + file_name(text(words)) + "'");
    x.player_.load(*path);
  }

  static void reload(Object& x, const Words&) {
    const auto path = x.player_.info().path;
    if (path.empty()) return x.complain("there is no model to reload");
    x.player_.load(path);
  }

  static void method(Object& x, const Words& words) {
    if (text(words).empty()) return x.complain("'method' takes a name: method decode");
    x.change([&](PlayerSettings& settings) { settings.method = text(words); });
  }

  static void set(Object& x, const Words& words) {
    if (words.size() < 2 || text(words).empty()) {
      return x.complain("'set' takes the name of an attribute and its values: set temperature 0.5");
    }
    Object::Tracked tracked{.words = {words.begin() + 1, words.end()}, .seen = {}};
    x.player_.set(text(words), tracked.words, x.arrays());
    for (const auto& word : tracked.words) {
      const auto* name = std::get_if<std::string>(&word);
      if (auto found = name ? read_array(x.owner_, *name) : std::nullopt) {
        tracked.seen.push_back(std::move(*found));
      }
    }
    if (tracked.seen.empty()) {
      x.tracked_.erase(text(words));
    } else {
      x.tracked_[text(words)] = std::move(tracked);
    }
  }

  static void get(Object& x, const Words& words) {
    if (text(words).empty()) return x.complain("'get' takes the name of an attribute");
    x.player_.get(text(words));
  }

  static void get_methods(Object& x, const Words&) { names(x, "methods"); }
  static void get_attributes(Object& x, const Words&) { names(x, "attributes"); }

  static void names(Object& x, const char* what) {
    const auto info = x.player_.info();
    if (!info.contract) return x.complain("there is no model");
    std::vector<t_atom> atoms;
    const auto name = [&](const auto& all) {
      for (const auto& one : all) {
        x.say(one.name);
        append(atoms, one.name);
      }
    };
    if (std::string(what) == "methods") {
      name(info.contract->methods);
    } else {
      name(info.contract->attributes);
    }
    x.out(what, atoms);
  }

  static void dump(Object& x, const Words&) {
    const auto info = x.player_.info();
    if (!info.contract) return x.say("no model");
    x.say("model_path: " + info.path.string());
    x.say("input dimension: " + std::to_string(info.chain.in_channels()));
    x.say("output dimension: " + std::to_string(info.chain.out_channels()));
    x.say("input ratio: " + std::to_string(info.chain.in_ratio()));
    x.say("output ratio: " + std::to_string(info.chain.out_ratio()));
    x.say("methods: " + listed(info.contract->methods));
    x.say("attributes: " + listed(info.contract->attributes));
    x.say("buffer size: " + std::to_string(info.block));
  }

  static void reset(Object& x, const Words&) { x.player_.reset(); }

  /// Samples and milliseconds in all; then the stream's samples, and the model's own.
  static void latency(Object& x, const Words&) {
    const auto info = x.player_.info();
    if (!info.latency || info.rate <= 0) {
      return x.complain("the latency is known once audio has been on");
    }
    std::vector<t_atom> atoms;
    append(atoms, std::int64_t{info.latency->total()});
    append(atoms, 1000.0 * info.latency->total() / info.rate);
    append(atoms, std::int64_t{info.latency->stream});
    append(atoms, std::int64_t{info.latency->model});
    x.out("latency", atoms);
  }

  static void stats(Object& x, const Words&) {
    const auto stats = x.player_.stats();
    if (!stats) return x.complain("there are no figures before audio has been on");
    std::vector<t_atom> atoms;
    for (const auto count : {stats->blocks, stats->late, stats->failed}) append(atoms, count);
    for (const double figure :
         {1000.0 * stats->mean_cost, 1000.0 * stats->worst_cost, stats->load}) {
      append(atoms, figure);
    }
    x.out("stats", atoms);
  }

  static void bufsize(Object& x, const Words& words) {
    const auto samples = number(words);
    if (!samples || *samples < 0 || *samples > 1e6) {
      return x.complain("'bufsize' takes a number of samples from 0 to 1000000");
    }
    x.change([&](PlayerSettings& settings) { settings.block = static_cast<int>(*samples); });
  }

  static void deadline(Object& x, const Words& words) {
    const auto frames = number(words);
    x.change([&](PlayerSettings& settings) {
      settings.deadline.reset();
      if (frames && *frames >= 0) settings.deadline = static_cast<int>(std::min(*frames, 1e6));
    });
  }

  static void late(Object& x, const Words& words) {
    const auto policy = text(words);
    if (policy != "silence" && policy != "dry") {
      return x.complain("'late' is silence or dry, not '" + policy + "'");
    }
    x.change([&](PlayerSettings& settings) {
      settings.late = policy == "dry" ? LatePolicy::kDry : LatePolicy::kSilence;
    });
  }

  static void resample(Object& x, const Words& words) {
    x.change([&](PlayerSettings& settings) { settings.resample = number(words).value_or(1) != 0; });
  }

  static void seed(Object& x, const Words& words) {
    const auto given = number(words);
    x.change([&](PlayerSettings& settings) {
      settings.seed.reset();
      if (given && *given >= 0 && *given < 9e15) {
        settings.seed = static_cast<std::uint64_t>(*given);
      }
    });
  }

  static void compat(Object& x, const Words& words) {
    x.change(
        [&](PlayerSettings& settings) { settings.nn_timing = number(words).value_or(1) != 0; });
  }

  static void no_downloads(Object& x, const Words&) {
    x.complain("nothing is downloaded: put the model's .ts file into the package's models folder");
  }
};

const std::array<Messages::Entry, 20> Messages::kAll{{
    {"load", load},
    {"reload", reload},
    {"method", method},
    {"set", set},
    {"get", get},
    {"get_methods", get_methods},
    {"get_attributes", get_attributes},
    {"dump", dump},
    {"reset", reset},
    {"latency", latency},
    {"stats", stats},
    {"bufsize", bufsize},
    {"deadline", deadline},
    {"late", late},
    {"resample", resample},
    {"seed", seed},
    {"compat", compat},
    {"print_available_models", no_downloads},
    {"download", no_downloads},
    {"delete", no_downloads},
}};

std::vector<const char*> Object::message_names() {
  std::vector<const char*> names;
  for (const auto& entry : Messages::kAll) names.push_back(entry.name);
  return names;
}

void Object::message(const std::string& name, const std::vector<Word>& words) {
  for (const auto& entry : Messages::kAll) {
    if (name == entry.name) return entry.run(*this, words);
  }
}

}  // namespace nnbridge::max
