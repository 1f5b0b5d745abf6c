// SPDX-License-Identifier: MIT
//
// The window library's entry: DPF's own machinery for a window, behind Face.
#include <exception>
#include <memory>

#include "display.hpp"
#include "face.hpp"
#include "src/DistrhoUIInternal.hpp"

namespace nnbridge::plugin {
namespace {

class DpfFace final : public Face {
 public:
  DpfFace(const WindowCalls& calls, Live* live, std::uintptr_t parent, double sample_rate,
          double scale)
      : calls_(calls),
        ui_(this, parent, sample_rate, edit, set, state, nullptr, resize, ask_for_file, nullptr,
            live, scale) {}

  unsigned width() const override { return ui_.getWidth(); }
  unsigned height() const override { return ui_.getHeight(); }
  double scale() const override { return ui_.getScaleFactor(); }
  void smallest(unsigned& width, unsigned& height, bool& keeps_ratio) const override {
    ui_.getGeometryConstraints(width, height, keeps_ratio);
  }
  std::uintptr_t handle() const override { return ui_.getNativeWindowHandle(); }
  bool visible() const override { return ui_.isVisible(); }
  void parameter(std::uint32_t index, float value) override { ui_.parameterChanged(index, value); }
  bool idle() override { return ui_.plugin_idle(); }
#ifdef HAVE_X11
  void start_timer(DGL_NAMESPACE::IdleCallback* /*timer*/, unsigned /*milliseconds*/) override {}
  void stop_timer(DGL_NAMESPACE::IdleCallback* /*timer*/) override {}
  void native_idle() override {}
#else
  void start_timer(DGL_NAMESPACE::IdleCallback* timer, unsigned milliseconds) override {
    ui_.addIdleCallbackForNativeIdle(timer, milliseconds);
  }
  void stop_timer(DGL_NAMESPACE::IdleCallback* timer) override {
    ui_.removeIdleCallbackForNativeIdle(timer);
  }
  void native_idle() override { ui_.idleFromNativeIdle(); }
#endif
  void focus() override { ui_.focus(); }
  void quit() override { ui_.quit(); }
  void set_size(unsigned width, unsigned height) override {
    ui_.setWindowSizeFromHost(width, height);
  }
  void set_title(const char* title) override { ui_.setWindowTitle(title); }
  void set_owner(std::uintptr_t window) override { ui_.setWindowTransientWinId(window); }
  bool show(bool visible) override { return ui_.setWindowVisible(visible); }
  void set_scale(double scale) override { ui_.notifyScaleFactorChanged(scale); }
  bool key(bool press, bool special, unsigned character, unsigned code,
           std::uint16_t modifiers) override {
    return ui_.handlePluginKeyboardVST(press, special, character, code, modifiers);
  }

 private:
  static const WindowCalls& of(void* face) { return static_cast<DpfFace*>(face)->calls_; }

  static void edit(void* face, std::uint32_t parameter, bool started) {
    of(face).edit(of(face).host, parameter + of(face).offset, started);
  }
  static void set(void* face, std::uint32_t parameter, float value) {
    of(face).set(of(face).host, parameter + of(face).offset, value);
  }
  static void state(void* face, const char* key, const char* value) {
    of(face).state(of(face).host, key, value);
  }
  static void resize(void* face, unsigned width, unsigned height) {
    if (of(face).resize != nullptr) of(face).resize(of(face).host, width, height);
  }
  static bool ask_for_file(void* face, const char* key) {
    const auto ask = of(face).ask_for_file;
    return ask != nullptr && ask(of(face).host, key);
  }

  WindowCalls calls_;
  DISTRHO_NAMESPACE::UIExporter ui_;
};

}  // namespace
}  // namespace nnbridge::plugin

nnbridge::plugin::Face* nnbridge_plugin_window(const nnbridge::plugin::WindowCalls& calls,
                                               nnbridge::plugin::Live* live, std::uintptr_t parent,
                                               double sample_rate, double scale) {
  using namespace nnbridge::plugin;
  try {
    if (!can_draw()) return nullptr;
    return std::make_unique<DpfFace>(calls, live, parent, sample_rate, scale).release();
  } catch (const std::exception&) {
    return nullptr;
  }
}
