// SPDX-License-Identifier: MIT
//
// Stands in for DPF's class of the same name, in DPF's code for the formats (dpf/Fix.cmake): the
// window lies in a library of its own, opened when a host first shows it. DPF would link OpenGL
// and X11 into the plugin itself, and then it could not even be scanned on a machine without a
// display, where pedalboard and the like run.
#pragma once

#include <DistrhoUtils.hpp>
#include <cmath>
#include <memory>

#include "face.hpp"
#include "src/DistrhoPluginChecks.h"

/// What a window may look at in an instance of DPF's Plugin.
nnbridge::plugin::Live* nnbridge_live(void* plugin);

/// Opens the window library; nothing where that can't be.
nnbridge::plugin::WindowMaker nnbridge_window_maker();

START_NAMESPACE_DISTRHO

using editParamFunc = void (*)(void*, uint32_t, bool);
using setParamFunc = void (*)(void*, uint32_t, float);
using setStateFunc = void (*)(void*, const char*, const char*);
using sendNoteFunc = void (*)(void*, uint8_t, uint8_t, uint8_t);
using setSizeFunc = void (*)(void*, uint, uint);
using fileRequestFunc = bool (*)(void*, const char*);

class UIExporter {
 public:
  UIExporter(void* host, uintptr_t parent, double sample_rate, editParamFunc edit, setParamFunc set,
             setStateFunc state, sendNoteFunc, setSizeFunc resize,
             [[maybe_unused]] fileRequestFunc ask_for_file, const char* /*bundle*/, void* plugin,
             double scale, uint32_t = 0, uint32_t = 0)
      : scale_(scale > 0.0 ? scale : 1.0) {
    if (host == nullptr) return;  // DPF only wants to know how large it would be
    nnbridge::plugin::WindowCalls calls{.host = host,
                                        .offset = getParameterOffset(),
                                        .edit = edit,
                                        .set = set,
                                        .state = state,
                                        .resize = resize};
#ifdef DISTRHO_PLUGIN_TARGET_LV2  // the others' is a promise that nothing keeps
    calls.ask_for_file = ask_for_file;
#endif
    const auto make = nnbridge_window_maker();
    if (make == nullptr) return;
    face_.reset(make(calls, nnbridge_live(plugin), parent, sample_rate, scale));
  }

  uint getWidth() const noexcept {
    return face_ ? face_->width() : scaled(nnbridge::plugin::kWindowWidth);
  }
  uint getHeight() const noexcept {
    return face_ ? face_->height() : scaled(nnbridge::plugin::kWindowHeight);
  }
  double getScaleFactor() const noexcept { return face_ ? face_->scale() : scale_; }
  bool getGeometryConstraints(uint& width, uint& height, bool& keeps_ratio) const noexcept {
    width = scaled(nnbridge::plugin::kWindowWidth);
    height = scaled(nnbridge::plugin::kWindowHeight);
    keeps_ratio = true;
    if (face_) face_->smallest(width, height, keeps_ratio);
    return true;
  }
  bool isResizable() const noexcept { return true; }
  bool isVisible() const noexcept { return face_ && face_->visible(); }
  uintptr_t getNativeWindowHandle() const noexcept { return face_ ? face_->handle() : 0; }
  bool is_open() const noexcept { return face_ != nullptr; }

  /// How a format counts parameters: LV2 has the audio, two for events, latency and free wheeling
  /// before them.
  static uint32_t getParameterOffset() noexcept {
#if defined(DISTRHO_PLUGIN_TARGET_VST3)
    return kVst3InternalParameterCount;
#elif defined(DISTRHO_PLUGIN_TARGET_LV2)
    return DISTRHO_PLUGIN_NUM_INPUTS + DISTRHO_PLUGIN_NUM_OUTPUTS + 4;
#else
    return 0;
#endif
  }

  void parameterChanged(uint32_t index, float value) {
    if (face_) face_->parameter(index, value);
  }
  void stateChanged(const char*, const char*) {}  // the window looks at these itself
  bool plugin_idle() { return face_ && face_->idle(); }
  void idleFromNativeIdle() {
    if (face_) face_->native_idle();
  }
  void addIdleCallbackForNativeIdle(DGL_NAMESPACE::IdleCallback* timer, uint milliseconds) {
    if (face_) face_->start_timer(timer, milliseconds);
  }
  void removeIdleCallbackForNativeIdle(DGL_NAMESPACE::IdleCallback* timer) {
    if (face_) face_->stop_timer(timer);
  }
  void focus() {
    if (face_) face_->focus();
  }
  void quit() {
    if (face_) face_->quit();
  }
  void setWindowSizeFromHost(uint width, uint height) {
    if (face_) face_->set_size(width, height);
  }
  void setWindowTitle(const char* title) {
    if (face_) face_->set_title(title);
  }
  void setWindowTransientWinId(uintptr_t window) {
    if (face_) face_->set_owner(window);
  }
  bool setWindowVisible(bool visible) { return face_ && face_->show(visible); }
  bool handlePluginKeyboardVST(bool press, bool special, uint character, uint code,
                               uint16_t modifiers) {
    return face_ && face_->key(press, special, character, code, modifiers);
  }
  void notifyScaleFactorChanged(double scale) {
    if (face_) face_->set_scale(scale);
  }
  void notifyFocusChanged(bool) {}
  void setSampleRate(double, bool = false) {}  // likewise

 private:
  uint scaled(unsigned size) const noexcept {
    return static_cast<uint>(std::lround(size * scale_));
  }

  double scale_;
  std::unique_ptr<nnbridge::plugin::Face> face_;
};

END_NAMESPACE_DISTRHO
