# SPDX-License-Identifier: MIT
# What the window needs of DPF's code for the formats, besides Fix.cmake.

# The window comes from a library of its own: window/exporter.hpp says why.
macro(nnbridge_own_exporter name)
  nnbridge_replace(${name} "include \"DistrhoUIInternal.hpp\"" "include \"window/exporter.hpp\"")
endmacro()

function(nnbridge_fix_window source target)
  file(READ ${source}/DistrhoUIVST3.cpp text)
  nnbridge_replace(text
    [==[#include "DistrhoUIInternal.hpp"

#include "travesty/base.h"]==]
    [==[#include "DistrhoPluginVST.hpp"
#include "window/exporter.hpp"

#include "travesty/base.h"]==])
  # Without a display there is no window: the host must hear that.
  nnbridge_replace(text
    [==[    void postInit(uint32_t nextWidth, uint32_t nextHeight)
    {
]==]
    [==[    bool isOpen() const noexcept
    {
        return fUI.is_open();
    }

    void postInit(uint32_t nextWidth, uint32_t nextHeight)
    {
]==])
  nnbridge_replace(text
    [==[                view->uivst3->postInit(view->nextWidth, view->nextHeight);]==]
    [==[                if (! view->uivst3->isOpen())
                {
                    view->uivst3 = nullptr;
                   #if DPF_VST3_USING_HOST_RUN_LOOP
                    v3_cpp_obj_unref(runloop);
                    view->runloop = nullptr;
                   #endif
                    return V3_INTERNAL_ERR;
                }

                view->uivst3->postInit(view->nextWidth, view->nextHeight);]==])
  nnbridge_write(${target}/DistrhoUIVST3.cpp "${text}")

  file(READ ${source}/DistrhoUILV2.cpp text)
  nnbridge_own_exporter(text)
  nnbridge_replace(text
    [==[    return new UiLv2(bundlePath, winId, options, uridMap, features,
                     controller, writeFunction, widget, instance,
                     sampleRate, scaleFactor, bgColor, fgColor);]==]
    [==[    UiLv2* const ui = new UiLv2(bundlePath, winId, options, uridMap, features,
                                controller, writeFunction, widget, instance,
                                sampleRate, scaleFactor, bgColor, fgColor);
    if (ui->isOpen())
        return ui;
    delete ui;
    return nullptr;]==])
  nnbridge_replace(text
    [==[    void lv2ui_port_event(const uint32_t rindex,]==]
    [==[    bool isOpen() const noexcept
    {
        return fUI.is_open();
    }

    void lv2ui_port_event(const uint32_t rindex,]==])
  string(REPLACE "d_stdout(" "d_debug(" text "${text}")
  nnbridge_write(${target}/DistrhoUILV2.cpp "${text}")

  # The desktop's file dialog: a connection of our own, since the host may use the shared one, and
  # names that are not English.
  file(READ ${source}/../extra/FileBrowserDialogImpl.cpp text)
  nnbridge_replace(text "dbus_bus_get(" "dbus_bus_get_private(")
  nnbridge_replace(text
    [==[            dbus_connection_unref(dbuscon);]==]
    [==[        {
            dbus_connection_close(dbuscon);
            dbus_connection_unref(dbuscon);
        }]==])
  nnbridge_replace(text
    [==[                                default: continue;]==]
    [==[                                default: replacementChar = static_cast<char>(decodedNum); break;]==])
  # An answer that came together with another message was dropped.
  nnbridge_replace(text
    [==[        while (dbus_connection_dispatch(dbuscon) == DBUS_DISPATCH_DATA_REMAINS) {}
        dbus_connection_read_write_dispatch(dbuscon, 0);

        if (DBusMessage*]==]
    [==[        dbus_connection_read_write(dbuscon, 0);

        while (DBusMessage*]==])
  nnbridge_replace(text
    [==[                    handle->selectedFile = kSelectedFileCancelled;
            }
        }
    }
#endif

#ifdef HAVE_X11]==]
    [==[                    handle->selectedFile = kSelectedFileCancelled;
            }

            dbus_message_unref(message);
        }
    }
#endif

#ifdef HAVE_X11]==])
  nnbridge_write(${target}/../extra/FileBrowserDialogImpl.cpp "${text}")
endfunction()

function(nnbridge_fix_vst3_window name)
  # What the plugin changed itself was not in the values kept for the window.
  nnbridge_replace(${name}
    [==[                sendParameterSetToUI(kVst3InternalParameterCount + i,
                                     fCachedParameterValues[kVst3InternalParameterBaseCount + i]);]==]
    [==[                sendParameterSetToUI(kVst3InternalParameterCount + i, fPlugin.getParameterValue(i));]==])
  nnbridge_replace(${name}
    [==[        // we require a host application for message creation
]==]
    [==[        if (nnbridge_window_maker() == nullptr)
            return nullptr;

        // we require a host application for message creation
]==])
  nnbridge_replace(${name}
    [==[# include "../extra/RingBuffer.hpp"
]==]
    [==[# include "../extra/RingBuffer.hpp"
# include "window/exporter.hpp"
]==])
  set(${name} "${${name}}" PARENT_SCOPE)
endfunction()

function(nnbridge_fix_clap_window name)
  nnbridge_own_exporter(${name})
  nnbridge_replace(${name}
    [==[    if (std::strcmp(id, CLAP_EXT_GUI) == 0)
        return &clap_plugin_gui;]==]
    [==[    if (std::strcmp(id, CLAP_EXT_GUI) == 0)
        return nnbridge_window_maker() != nullptr ? &clap_plugin_gui : nullptr;]==])
  # Without a display there is no window: the host must hear that.
  nnbridge_replace(${name}
    [==[            createUI();
            fHostGui->resize_hints_changed(fHost);
        }

        return true;]==]
    [==[            createUI();
            fHostGui->resize_hints_changed(fHost);
        }

        return fUI->is_open();]==])

  # A timer's number may be 0, and one timer is enough.
  string(REPLACE "fTimerId(0)" "fTimerId(CLAP_INVALID_ID)" text "${${name}}")
  string(REPLACE "fTimerId = 0" "fTimerId = CLAP_INVALID_ID" text "${text}")
  string(REPLACE "fTimerId != 0" "fTimerId != CLAP_INVALID_ID" text "${text}")
  nnbridge_replace(text
    [==[        fHostTimer->register_timer(fHost, DPF_CLAP_TIMER_INTERVAL, &fTimerId);]==]
    [==[        if (fTimerId == CLAP_INVALID_ID)
            fHostTimer->register_timer(fHost, DPF_CLAP_TIMER_INTERVAL, &fTimerId);]==])
  nnbridge_replace(text
    [==[            fHostTimer->unregister_timer(fHost, fTimerId);
            fTimerId = CLAP_INVALID_ID;]==]
    [==[            if (fTimerId != CLAP_INVALID_ID)
                fHostTimer->unregister_timer(fHost, fTimerId);
            fTimerId = CLAP_INVALID_ID;]==])

  # What the window turns reaches the plugin and the host also while no audio runs.
  nnbridge_replace(text
    [==[        fEventQueue.addEventFromUI(ev);
    }

    static void editParameterCallback]==]
    [==[        send(ev);
    }

    void send(const ClapEventQueue::Event& event) const
    {
        fEventQueue.addEventFromUI(event);
        const clap_host_params_t* const params = static_cast<const clap_host_params_t*>(fHost->get_extension(fHost, CLAP_EXT_PARAMS));
        if (params != nullptr)
            params->request_flush(fHost);
    }

    static void editParameterCallback]==])
  nnbridge_replace(text
    [==[        fEventQueue.addEventFromUI(ev);
    }

    static void setParameterCallback]==]
    [==[        send(ev);
    }

    static void setParameterCallback]==])
  nnbridge_replace(text
    [==[    bool process(const clap_process_t* const process)
    {
       #if DISTRHO_PLUGIN_WANT_MIDI_INPUT
        fMidiEventCount = 0;
       #endif

       #if DISTRHO_PLUGIN_HAS_UI
        if (const clap_output_events_t* const outputEvents = process->out_events)
        {
            const MutexTryLocker cmtl(fEventQueue.lock);

            if (cmtl.wasLocked())
            {
]==]
    [==[    void sendWindowEvents(const clap_output_events_t* const outputEvents)
    {
       #if DISTRHO_PLUGIN_HAS_UI
        if (outputEvents != nullptr)
        {
            {
]==])
  nnbridge_replace(text
    [==[                for (uint32_t i=0; i<fEventQueue.used; ++i)
                {
                    const Event& event(fEventQueue.events[i]);
]==]
    [==[                Event event;
                while (fEventQueue.events.try_dequeue(event))
                {
]==])
  nnbridge_replace(text
    [==[                }

                fEventQueue.used = 0;
            }
        }
       #endif
]==]
    [==[                }
            }
        }
       #endif
        // unused without a window
        (void)outputEvents;
    }

    bool process(const clap_process_t* const process)
    {
        sendWindowEvents(process->out_events);
]==])
  nnbridge_replace(text
    [==[                         const uint32_t frameOffset)
    {
]==]
    [==[                         const uint32_t frameOffset)
    {
        sendWindowEvents(out);
]==])
  # The audio thread takes the events without a lock.
  string(REGEX REPLACE "    struct Queue {\n        Mutex lock;.*    } fEventQueue;"
    "    struct Queue {
        moodycamel::ReaderWriterQueue<Event> events;

        void addEventFromUI(const Event& event)
        {
            events.enqueue(event);
        }
    } fEventQueue;" text "${text}")
  nnbridge_replace(text "# include \"../extra/Mutex.hpp\"" "# include <readerwriterqueue/readerwriterqueue.h>")

  # A model that the window chose is something to be saved.
  nnbridge_replace(text
    [==[    void setStateFromUI(const char* const key, const char* const value) override
    {
        fPlugin.setState(key, value);
]==]
    [==[    void setStateFromUI(const char* const key, const char* const value) override
    {
        fPlugin.setState(key, value);

        if (const clap_host_state_t* const state = getHostExtension<clap_host_state_t>(CLAP_EXT_STATE))
            state->mark_dirty(fHost);
]==])
  set(${name} "${text}" PARENT_SCOPE)
endfunction()
