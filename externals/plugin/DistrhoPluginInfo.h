// SPDX-License-Identifier: MIT
//
// What DPF asks every plugin to state, by the names it wants.
#pragma once

#define DISTRHO_PLUGIN_BRAND "nnbridge"
#define DISTRHO_PLUGIN_NAME "nnbridge"
#define DISTRHO_PLUGIN_URI "https://nnbridge.org/plugin"
#ifdef NNBRIDGE_WINDOW
#define DISTRHO_PLUGIN_HAS_UI 1
#else  // built without OpenGL: hosts show their own sliders
#define DISTRHO_PLUGIN_HAS_UI 0
#endif
#define DISTRHO_UI_USE_NANOVG 1
#define DISTRHO_UI_USER_RESIZABLE 1
#define DISTRHO_PLUGIN_IS_RT_SAFE 1
#define DISTRHO_PLUGIN_NUM_INPUTS 2
#define DISTRHO_PLUGIN_NUM_OUTPUTS 2
#define DISTRHO_PLUGIN_WANT_LATENCY 1
#define DISTRHO_PLUGIN_WANT_STATE 1
#define DISTRHO_PLUGIN_WANT_FULL_STATE 1
#define DISTRHO_PLUGIN_WANT_PROGRAMS 0
#define DISTRHO_PLUGIN_WANT_DIRECT_ACCESS 1
#define DISTRHO_PLUGIN_VST3_CATEGORIES "Fx"
#define DISTRHO_PLUGIN_CLAP_ID "org.nnbridge.plugin"
#define DISTRHO_PLUGIN_CLAP_FEATURES "audio-effect", "stereo"

#include <atomic>
#include <cstdint>

#include "parameters.hpp"

// What DPF doesn't pass on, and dpf/Fix.cmake makes it.

/// Whether the host is bound to real time, and how many channels the track has. `process` is
/// whether the host says so in a process call.
void nnbridge_host_says(void* plugin, bool offline, int channels, bool process) noexcept;

/// [main] Before names of parameters are read: they follow the model.
void nnbridge_describe(void* plugin);

/// [any one thread] Whether names are others since the last call.
bool nnbridge_has_news(void* plugin) noexcept;

/// [main] From now on `call(argument)` runs ten times a second on a thread of the plugin's own,
/// while its track is in real time; nullptr: no more, and none is under way.
void nnbridge_look_in(void* plugin, void (*call)(void*), void* argument);

/// [audio] Time has passed: nothing of before is to be heard.
void nnbridge_reset(void* plugin) noexcept;

/// [main] Whether the value that a state has for a parameter is to be set. Not if nobody had turned
/// it: then it was the model's own, and the model that plays may be another or none yet.
bool nnbridge_restores(void* plugin, std::uint32_t parameter) noexcept;

/// Frames that may sound on after the input's end.
std::uint32_t nnbridge_tail(void* plugin) noexcept;
