// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "Base.hpp"
#include "live.hpp"

namespace nnbridge::plugin {

/// The window's size where nothing scales it, in pixels.
inline constexpr unsigned kWindowWidth = 720;
inline constexpr unsigned kWindowHeight = 448;

/// What a window tells its host, by DPF's functions for it.
struct WindowCalls {
  void* host = nullptr;
  std::uint32_t offset = 0;  ///< a host's number for the first parameter
  void (*edit)(void* host, std::uint32_t parameter, bool started) = nullptr;
  void (*set)(void* host, std::uint32_t parameter, float value) = nullptr;
  void (*state)(void* host, const char* key, const char* value) = nullptr;
  void (*resize)(void* host, unsigned width, unsigned height) = nullptr;
  bool (*ask_for_file)(void* host, const char* key) = nullptr;  ///< none: the host has no dialog
};

/// An open window, as DPF's code for a format handles it. [main]
class Face {
 public:
  virtual ~Face() = default;

  virtual unsigned width() const = 0;
  virtual unsigned height() const = 0;
  virtual double scale() const = 0;
  virtual void smallest(unsigned& width, unsigned& height, bool& keeps_ratio) const = 0;
  virtual std::uintptr_t handle() const = 0;
  virtual bool visible() const = 0;

  /// Counted from 0, whatever the host counts from.
  virtual void parameter(std::uint32_t index, float value) = 0;
  /// False: it has been closed.
  virtual bool idle() = 0;
  /// Where hosts lend no timers (macOS), the system calls `timer`, which calls `native_idle`.
  virtual void start_timer(DGL_NAMESPACE::IdleCallback* timer, unsigned milliseconds) = 0;
  virtual void stop_timer(DGL_NAMESPACE::IdleCallback* timer) = 0;
  virtual void native_idle() = 0;
  virtual void focus() = 0;
  virtual void quit() = 0;
  virtual void set_size(unsigned width, unsigned height) = 0;
  virtual void set_title(const char* title) = 0;
  virtual void set_owner(std::uintptr_t window) = 0;
  virtual bool show(bool visible) = 0;
  virtual void set_scale(double scale) = 0;
  virtual bool key(bool press, bool special, unsigned character, unsigned code,
                   std::uint16_t modifiers) = 0;
};

/// The window library's one entry. Nothing: there is no display, or none that can draw.
using WindowMaker = Face* (*)(const WindowCalls& calls, Live* live, std::uintptr_t parent,
                              double sample_rate, double scale);

}  // namespace nnbridge::plugin

extern "C" nnbridge::plugin::Face* nnbridge_plugin_window(
    const nnbridge::plugin::WindowCalls& calls, nnbridge::plugin::Live* live, std::uintptr_t parent,
    double sample_rate, double scale);
