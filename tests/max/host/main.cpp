// SPDX-License-Identifier: MIT
//
// nnbridge-max-host [--classes] EXTERNAL...
//
// Loads externals as Max does. With --classes, prints what they registered as JSON. Otherwise it
// reads commands from stdin, a JSON object on each line, and answers each with one on stdout; every
// answer has "console" and "outlets", what objects have said since the one before:
//
//   {"do": "create", "id": "a", "class": "nn~", "atoms": [...]}     id: how tests call it
//   {"do": "send", "id": "a", "message": "set", "atoms": [...], "thread": "main" or "scheduler"}
//       with "busy": the main thread comes to what waits for it later
//   {"do": "attribute", "id": "a", "name": "enable"}                and "atoms": [...] to set it
//   {"do": "assist", "id": "a", "inlet": true, "index": 0}
//   {"do": "cord", "id": "a", "outlet": 0, "to": "b", "message": "set", "atoms": [...]}
//       what comes out there next sends this
//   {"do": "compile", "id": "a", "rate": 44100, "vector": 64, "counts": [1, 2]}
//   {"do": "run", "id": "a", "frames": n, "in": path, "out": path}  raw doubles, a row per channel;
//       with "block": b, waits after each vector until the model has run on every whole block
//   {"do": "start", "seconds": of each vector} and {"do": "stop"}   audio in its own thread
//   {"do": "pass", "milliseconds": n}                               clocks and the main queue
//   {"do": "until", "id", "message": "loaded", "seconds": n}        the same, until an outlet says
//   it
//   {"do": "buffer", "name", "channels", "rate", "samples"}         without samples: it goes
//   {"do": "array", "name", "atoms"}   {"do": "dictionary", "name"}
//   {"do": "package", "name", "folder"}   {"do": "search", "folders"}   {"do": "free", "id"}
//   {"do": "clear"}                                                 buffers, arrays, packages
#include <dlfcn.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>

#include "host.hpp"

namespace max_host {
namespace {

void load(const char* file) {
  void* const library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
  if (!library) refuse(dlerror());
  auto* const main = reinterpret_cast<void (*)(void*)>(dlsym(library, "ext_main"));
  if (!main) refuse(std::string(file) + " has no ext_main");
  main(nullptr);
}

const char* name_of(int type) {
  switch (type) {
    case A_LONG:
      return "long";
    case A_FLOAT:
      return "float";
    case A_SYM:
      return "symbol";
    case A_GIMME:
      return "gimme";
    case A_CANT:
      return "cant";
    case A_DEFER:
      return "defer";
    default:
      return "other";
  }
}

Json describe() {
  Json all = Json::object();
  for (const auto& [name, c] : classes()) {
    Json methods = Json::object();
    for (const auto& [message, how] : c->methods) {
      Json types = Json::array();
      for (const int type : how.types) types.push_back(name_of(type));
      methods[message] = types;
    }
    Json attributes = Json::object();
    for (const auto& [attribute, what] : c->attributes) {
      attributes[attribute] = {{"type", what.type}, {"properties", what.properties}};
    }
    all[name] = {{"methods", methods}, {"attributes", attributes}, {"signals", c->dsp}};
  }
  return all;
}

t_object* target(const Json& command) {
  auto* const found = find(command.at("id").get<std::string>());
  if (!found) refuse("there is no object '" + command.at("id").get<std::string>() + "'");
  return found;
}

Rows read(const std::string& path, std::size_t rows, std::size_t frames) {
  Rows all(rows, std::vector<double>(frames));
  std::ifstream file(path, std::ios::binary);
  for (auto& row : all) {
    file.read(reinterpret_cast<char*>(row.data()),
              static_cast<std::streamsize>(frames * sizeof(double)));
  }
  if (!file) refuse("'" + path + "' is too short");
  return all;
}

void write(const std::string& path, const Rows& rows) {
  std::ofstream file(path, std::ios::binary);
  for (const auto& row : rows) {
    file.write(reinterpret_cast<const char*>(row.data()),
               static_cast<std::streamsize>(row.size() * sizeof(double)));
  }
}

/// Everything said so far, set aside while a command looks into it.
class Heard {
 public:
  const Json& more() {
    auto fresh = said();
    for (const char* kind : {"console", "outlets"}) {
      for (auto& one : fresh[kind]) all_[kind].push_back(std::move(one));
    }
    return all_;
  }
  const Json* last(const std::string& id, const std::string& message) {
    more();
    const Json* found = nullptr;
    for (const auto& one : all_["outlets"]) {
      if (one["id"] == id && one["message"] == message) found = &one;
    }
    return found;
  }
  Json take() {
    more();
    return std::exchange(all_, fresh());
  }

 private:
  static Json fresh() { return {{"console", Json::array()}, {"outlets", Json::array()}}; }
  Json all_ = fresh();
};

/// Until the model has run on every whole block of what has come so far.
void settle(t_object* object, long blocks) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (std::chrono::steady_clock::now() < end) {
    const auto kept = said();
    send(object, "stats", {});
    const auto answer = said();
    for (const char* kind : {"console", "outlets"}) {
      for (const auto& one : kept[kind]) keep(one, kind);
    }
    const auto& outlets = answer["outlets"];
    if (!outlets.empty() && outlets.back()["message"] == "stats" &&
        outlets.back()["atoms"][0].get<long>() >= blocks) {
      return;
    }
    std::this_thread::sleep_for(std::chrono::microseconds(100));
  }
  refuse("the model did not run on " + std::to_string(blocks) + " blocks in 30 seconds");
}

Json run_audio(const Json& command) {
  auto* const object = target(command);
  const auto rows = command.at("channels").get<std::size_t>();
  const auto in = read(command.at("in"), rows, command.at("frames").get<std::size_t>());
  const long block = command.value("block", 0L);
  const auto out = run(object, in, [&](long frames) {
    if (block > 0) settle(object, frames / block);
  });
  write(command.at("out"), out);
  return {{"channels", out.size()}};
}

Json until(const Json& command, Heard& heard) {
  const auto end = std::chrono::steady_clock::now() +
                   std::chrono::duration<double>(command.value("seconds", 20.0));
  const auto id = command.at("id").get<std::string>();
  while (std::chrono::steady_clock::now() < end) {
    if (heard.last(id, command.at("message"))) return {{"said", true}};
    pass(20);
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return {{"said", false}};
}

Json obey(const Json& command, Heard& heard) {
  const auto what = command.at("do").get<std::string>();
  if (what == "create") {
    auto* const made = create(command.at("class"), command.at("id"),
                              to_atoms(command.value("atoms", Json::array())));
    if (!made) return {{"made", false}};
    const auto& own = record(made, "create");
    Json outlets = Json::array();
    for (const auto& outlet : own.outlets) outlets.push_back(outlet->type);
    return {{"made", true}, {"inlets", own.inlets}, {"outlet_types", outlets}};
  }
  if (what == "send") {
    auto* const object = target(command);
    const auto atoms = to_atoms(command.value("atoms", Json::array()));
    const auto message = command.at("message").get<std::string>();
    if (command.value("thread", "main") == std::string("scheduler")) {
      scheduler().call([&] { send(object, message, atoms); });
      if (!command.value("busy", false)) serve_queue();
    } else {
      send(object, message, atoms);
    }
    return Json::object();
  }
  if (what == "attribute") {
    auto* const object = target(command);
    const auto name = command.at("name").get<std::string>();
    if (command.contains("atoms")) set_attribute(object, name, to_atoms(command["atoms"]));
    return {{"value", get_attribute(object, name)}};
  }
  if (what == "assist") {
    return {{"text", assist(target(command), command.at("inlet"), command.at("index"))}};
  }
  if (what == "compile") {
    auto* const object = target(command);
    const auto channels = compile(object, command.at("rate"), command.at("vector"),
                                  command.at("counts").get<std::vector<long>>());
    return {{"channels", channels}, {"changed", changed_inputs(object)}};
  }
  if (what == "cord") {
    connect({command.at("id"), command.at("outlet"), command.at("to"), command.at("message"),
             to_atoms(command.value("atoms", Json::array()))});
    return Json::object();
  }
  if (what == "broken") return {{"broken", broken(target(command))}};
  if (what == "run") return run_audio(command);
  if (what == "start") {
    start(command.at("seconds"));
    return Json::object();
  }
  if (what == "stop") return {{"vectors", stop()}};
  if (what == "pass") {
    pass(command.at("milliseconds"));
    return Json::object();
  }
  if (what == "until") return until(command, heard);
  if (what == "buffer") {
    if (command.contains("samples")) {
      set_buffer(command.at("name"), command.value("channels", 1L), command.value("rate", 44100.0),
                 command.at("samples").get<std::vector<float>>());
    } else {
      free_buffer(command.at("name"));
    }
    return Json::object();
  }
  if (what == "array") {
    set_array(command.at("name"), to_atoms(command.at("atoms")));
    return Json::object();
  }
  if (what == "dictionary") return {{"content", dictionary(command.at("name"))}};
  if (what == "package") {
    set_package(command.at("name"), command.at("folder"));
    return Json::object();
  }
  if (what == "search") {
    set_search_path(command.at("folders").get<std::vector<std::string>>());
    return Json::object();
  }
  if (what == "clear") {
    clear_things();
    return Json::object();
  }
  if (what == "free") {
    destroy(target(command));
    return Json::object();
  }
  refuse("there is no command '" + what + "'");
}

int serve() {
  Heard heard;
  std::string line;
  while (std::getline(std::cin, line)) {
    Json answer = obey(Json::parse(line), heard);
    answer.update(heard.take());
    std::cout << answer.dump(-1, ' ', false, Json::error_handler_t::replace) << std::endl;
  }
  // Quitting frees what is there.
  for (const auto& id : ids()) destroy(find(id));
  return 0;
}

}  // namespace
}  // namespace max_host

int main(int argc, char** argv) {
  using namespace max_host;
  set_place(Place::kMain);
  const bool only_classes = argc > 1 && std::string(argv[1]) == "--classes";
  for (int i = only_classes ? 2 : 1; i < argc; ++i) load(argv[i]);
  if (only_classes) {
    std::cout << describe().dump(2) << std::endl;
    return 0;
  }
  enter_net = reinterpret_cast<void (*)()>(dlsym(RTLD_DEFAULT, "audio_thread_net_enter"));
  leave_net = reinterpret_cast<void (*)()>(dlsym(RTLD_DEFAULT, "audio_thread_net_leave"));
  return serve();
}
