# SPDX-License-Identifier: MIT
# nnbridge_fix_dpf(source target): a copy of DPF without the defects that a host of ours would meet.
#
# A copy changed at build time, because they lie inside one function each: a shim around the entry
# points would have to imitate what it hides. Every replacement must find its place, so another
# release of DPF that has changed there stops the build here and not in somebody's host.
function(nnbridge_replace variable what with)
  string(FIND "${${variable}}" "${what}" found)
  if(found EQUAL -1)
    message(FATAL_ERROR "DPF has changed where nnbridge mends it (externals/plugin/dpf/Fix.cmake): ${what}")
  endif()
  string(REPLACE "${what}" "${with}" fixed "${${variable}}")
  set(${variable} "${fixed}" PARENT_SCOPE)
endfunction()

# Only where the text is another, so that configuring again compiles nothing again.
function(nnbridge_write file text)
  set(before "")
  if(EXISTS ${file})
    file(READ ${file} before)
  endif()
  if(NOT before STREQUAL text)
    file(WRITE ${file} "${text}")
  endif()
endfunction()

include(${CMAKE_CURRENT_LIST_DIR}/FixWindow.cmake)

function(nnbridge_fix_dpf source target)
  file(COPY ${source}/ DESTINATION ${target} PATTERN "DistrhoPlugin*VST*" EXCLUDE
    PATTERN DistrhoPluginCLAP.cpp EXCLUDE PATTERN "DistrhoPluginLV2*" EXCLUDE
    PATTERN DistrhoUIVST3.cpp EXCLUDE PATTERN DistrhoUILV2.cpp EXCLUDE
    PATTERN FileBrowserDialogImpl.cpp EXCLUDE)
  nnbridge_fix_window(${source}/distrho/src ${target}/distrho/src)
  nnbridge_fix_vst3_header(${source}/distrho/src ${target}/distrho/src)
  nnbridge_fix_vst3(${source}/distrho/src ${target}/distrho/src)
  nnbridge_fix_clap(${source}/distrho/src ${target}/distrho/src)
  nnbridge_fix_lv2(${source}/distrho/src ${target}/distrho/src)
endfunction()

# A host may give a state in parts: what lies behind a short part must not look like an end.
function(nnbridge_fix_parts name)
  nnbridge_replace(${name}
    [==[            for (int32_t i = 0; i < read; ++i)
            {
                // found terminator, stop here]==]
    [==[            buffer[read] = '\xff';

            for (int32_t i = 0; i < read; ++i)
            {
                // found terminator, stop here]==])
  set(${name} "${${name}}" PARENT_SCOPE)
endfunction()

# An attribute that nobody had turned when the state was saved follows the model that plays now.
function(nnbridge_fix_restored name)
  nnbridge_replace(${name}
    [==[                            if (fPlugin.getParameterSymbol(j) != key)
                                continue;
]==]
    [==[                            if (fPlugin.getParameterSymbol(j) != key)
                                continue;
                            if (! nnbridge_restores(fPlugin.getInstancePointer(), j))
                                break;
]==])
  set(${name} "${${name}}" PARENT_SCOPE)
endfunction()

# A parameter "Latency" of DPF's own, hidden, with a wrong value, that some hosts show: ours tells it.
set(nnbridge_own_latency "#if DISTRHO_PLUGIN_WANT_LATENCY(\n *(case |fCachedParameterValues.)?kVst3InternalParameterLatency)")

function(nnbridge_fix_vst3_header source target)
  file(READ ${source}/DistrhoPluginVST.hpp text)
  string(REGEX REPLACE "${nnbridge_own_latency}" "#if 0\\1" text "${text}")
  nnbridge_replace(text
    [==[#if DPF_VST3_USES_SEPARATE_CONTROLLER || DISTRHO_PLUGIN_WANT_LATENCY ||]==]
    [==[#if DPF_VST3_USES_SEPARATE_CONTROLLER ||]==])
  nnbridge_write(${target}/DistrhoPluginVST.hpp "${text}")
endfunction()

function(nnbridge_fix_vst3 source target)
  file(READ ${source}/DistrhoPluginVST3.cpp text)
  nnbridge_fix_vst3_window(text)
  string(REGEX REPLACE "${nnbridge_own_latency}" "#if 0\\1" text "${text}")

  # A change of a parameter that there is not was printed on the audio thread, and cost the changes after it.
  nnbridge_replace(text "DISTRHO_SAFE_ASSERT_UINT_BREAK(rindex < fVst3ParameterCount, rindex);"
    "if (rindex >= fVst3ParameterCount) continue;")

  # What process() tells of read-only parameters comes back here, on the host's main thread: the place
  # to say that the latency, the names and the other values may be others now.
  nnbridge_replace(text
    [==[            normalized = plainParameterToNormalized(kVst3InternalParameterLatency,
                                                    fCachedParameterValues[kVst3InternalParameterLatency]);
            addParameterDataToHostOutputEvents(outparamsptr, kVst3InternalParameterLatency, normalized);
]==] "")
  nnbridge_replace(text
    [==[        const uint32_t latency = fPlugin.getLatency();

        if (fLastKnownLatency != latency)
        {
            fLastKnownLatency = latency;

        }
]==] "")
  # Whether the host is bound to real time, and how wide its track is. Some hosts set up one mode
  # and process in the other (DawDreamer), so both calls are listened to.
  nnbridge_replace(text
    [==[        // TODO process_mode can be V3_REALTIME, V3_PREFETCH, V3_OFFLINE
]==]
    [==[        nnbridge_host_says(fPlugin.getInstancePointer(), setup->process_mode == V3_OFFLINE,
                           fMono ? 1 : 2, false);
]==])
  nnbridge_replace(text
    [==[        const float* inputs[DISTRHO_PLUGIN_NUM_INPUTS != 0 ? DISTRHO_PLUGIN_NUM_INPUTS : 1];
        /* */ float* outputs]==]
    [==[        // more than was agreed on would overrun the dummy buffer
        if (static_cast<uint32_t>(data->nframes) > fPlugin.getBufferSize())
            return V3_INVALID_ARG;

        nnbridge_host_says(fPlugin.getInstancePointer(), data->process_mode == V3_OFFLINE,
                           fMono ? 1 : 2, true);

        // Names are others: the status comes to the host's main thread again, even if it is the same.
        if (nnbridge_has_news(fPlugin.getInstancePointer()))
        {
            fNews = true;
            fCachedParameterValues[kVst3InternalParameterBaseCount + static_cast<uint32_t>(nnbridge::plugin::kStatus)] = -1.f;
        }

        const float* inputs[DISTRHO_PLUGIN_NUM_INPUTS != 0 ? DISTRHO_PLUGIN_NUM_INPUTS : 1];
        /* */ float* outputs]==])

  # A mono track is as good as a stereo one; DPF only knows the width it was compiled with.
  nnbridge_replace(text
    [==[       #if DISTRHO_PLUGIN_NUM_INPUTS > 0
        DISTRHO_SAFE_ASSERT_RETURN(numInputs >= 0, V3_INVALID_ARG);
        if (!setAudioBusArrangement<true>]==]
    [==[        if (numInputs != 1 || numOutputs != 1 || inputs[0] != outputs[0])
            return V3_FALSE;
        if (inputs[0] != V3_SPEAKER_M && inputs[0] != (V3_SPEAKER_L | V3_SPEAKER_R))
            return V3_FALSE;
        fMono = inputs[0] == V3_SPEAKER_M;
        return V3_OK;

       #if DISTRHO_PLUGIN_NUM_INPUTS > 0
        DISTRHO_SAFE_ASSERT_RETURN(numInputs >= 0, V3_INVALID_ARG);
        if (!setAudioBusArrangement<true>]==])
  nnbridge_replace(text
    [==[            *speaker = getSpeakerArrangementForAudioPort<isInput>(busInfo, port.groupId, busId);
            // d_debug("getAudioBusArr]==]
    [==[            *speaker = fMono ? V3_SPEAKER_M
                             : getSpeakerArrangementForAudioPort<isInput>(busInfo, port.groupId, busId);
            // d_debug("getAudioBusArr]==])
  nnbridge_replace(text
    [==[info->channel_count = numChannels;]==]
    [==[info->channel_count = fMono ? 1 : numChannels;]==])
  nnbridge_replace(text
    [==[    bool* fParameterValuesChangedDuringProcessing; // basic offset + real
]==]
    [==[    bool* fParameterValuesChangedDuringProcessing; // basic offset + real
    bool fMono = false;
    int fUntold = 0;
    std::atomic<bool> fNews{false};
]==])
  nnbridge_replace(text
    [==[        fComponentHandler = handler;
        return V3_OK;
    }

#if DISTRHO_PLUGIN_HAS_UI]==]
    [==[        nnbridge_look_in(fPlugin.getInstancePointer(), nullptr, nullptr);
        fComponentHandler = handler;
        if (handler != nullptr)
            nnbridge_look_in(fPlugin.getInstancePointer(), lookIn, this);
        return V3_OK;
    }

#if DISTRHO_PLUGIN_HAS_UI]==])
  nnbridge_replace(text
    [==[    uint32_t fLastKnownLatency;]==]
    [==[    std::atomic<uint32_t> fLastKnownLatency;]==])
  nnbridge_replace(text
    [==[    ~PluginVst3()
    {
]==]
    [==[    ~PluginVst3()
    {
        nnbridge_look_in(fPlugin.getInstancePointer(), nullptr, nullptr);
]==])

  # A call without frames brings parameter changes all the same, and perhaps nowhere to answer.
  nnbridge_replace(text
    [==[        if (data->nframes <= 0)
        {
]==]
    [==[        if (data->nframes <= 0)
        {
            if (v3_param_changes** const changes = data->input_params)
            {
                for (int32_t i = 0, count = v3_cpp_obj(changes)->get_param_count(changes); i < count; ++i)
                {
                    v3_param_value_queue** const queue = v3_cpp_obj(changes)->get_param_data(changes, i);
                    if (queue == nullptr)
                        break;
                    const v3_param_id rindex = v3_cpp_obj(queue)->get_param_id(queue);
                    const int32_t points = v3_cpp_obj(queue)->get_point_count(queue);
                    int32_t offset;
                    double normalized;
                    if (rindex < kVst3InternalParameterCount || rindex >= fVst3ParameterCount || points <= 0)
                        continue;
                    if (v3_cpp_obj(queue)->get_point(queue, points - 1, &offset, &normalized) != V3_OK)
                        continue;
                    _setNormalizedPluginParameterValue(rindex - kVst3InternalParameterCount, normalized);
                }
            }
]==])
  nnbridge_replace(text
    [==[        DISTRHO_SAFE_ASSERT_RETURN(outparamsptr != nullptr,);

        float curValue;]==]
    [==[        if (outparamsptr == nullptr)
            return;

        float curValue;]==])

  # With component and controller in one object, what the controller is told was dropped.
  nnbridge_replace(text
    [==[       #if DPF_VST3_USES_SEPARATE_CONTROLLER
        const uint32_t index = static_cast<uint32_t>(rindex - kVst3InternalParameterCount);
        DISTRHO_SAFE_ASSERT_UINT2_RETURN(index < fParameterCount, index, fParameterCount, V3_INVALID_ARG);

        if (fIsComponent) {
            DISTRHO_SAFE_ASSERT_RETURN(!fPlugin.isParameterOutputOrTrigger(index), V3_INVALID_ARG);
        }

        _setNormalizedPluginParameterValue(index, normalized);
       #endif]==]
    [==[        const uint32_t index = static_cast<uint32_t>(rindex - kVst3InternalParameterCount);
        DISTRHO_SAFE_ASSERT_UINT2_RETURN(index < fParameterCount, index, fParameterCount, V3_INVALID_ARG);

        if (fPlugin.isParameterOutputOrTrigger(index))
        {
            if (index == nnbridge::plugin::kStatus || index == nnbridge::plugin::kLatency)
                tellHost();
            return V3_OK;
        }

        _setNormalizedPluginParameterValue(index, normalized);]==])
  nnbridge_replace(text
    [==[    v3_result setComponentHandler(]==]
    [==[    void tellHost()
    {
        if (fComponentHandler == nullptr)
            return;
        int32_t flags = V3_RESTART_PARAM_VALUES_CHANGED;
        nnbridge_describe(fPlugin.getInstancePointer());
        if (fNews.exchange(false))
            flags |= V3_RESTART_PARAM_TITLES_CHANGED;
        const uint32_t latency = fPlugin.getLatency();
        if (fLastKnownLatency.exchange(latency) != latency)
            flags |= V3_RESTART_LATENCY_CHANGED;
        v3_cpp_obj(fComponentHandler)->restart_component(fComponentHandler, flags);
    }

    // VST3 wants this on the host's main thread, and most hosts bring read-only parameters back there.
    // One that doesn't (Ardour 7) would never hear of a new latency: after a second, from our thread.
    static void lookIn(void* const self)
    {
        static_cast<PluginVst3*>(self)->tellWhereNobodyCame();
    }

    void tellWhereNobodyCame()
    {
        const uint32_t latency = fPlugin.getLatency();
        fUntold = fLastKnownLatency == latency && !fNews ? 0 : fUntold + 1;
        if (fUntold < 10)
            return;
        fLastKnownLatency = latency;
        fNews = false;
        v3_cpp_obj(fComponentHandler)->restart_component(fComponentHandler,
            V3_RESTART_LATENCY_CHANGED|V3_RESTART_PARAM_VALUES_CHANGED|V3_RESTART_PARAM_TITLES_CHANGED);
    }

    v3_result setComponentHandler(]==])

  # The plugin itself changes values too: what it last heard from the host may be old.
  nnbridge_replace(text
    [==[        return _getNormalizedParameterValue(index, fCachedParameterValues[kVst3InternalParameterBaseCount + index]);]==]
    [==[        return _getNormalizedParameterValue(index, fPlugin.getParameterValue(index));]==])
  nnbridge_replace(text
    [==[        float value = ranges.getUnnormalizedValue(normalized);

        // convert as needed as check for changes]==]
    [==[        float value = ranges.getUnnormalizedValue(normalized);
        fCachedParameterValues[kVst3InternalParameterBaseCount + index] = fPlugin.getParameterValue(index);

        // convert as needed as check for changes]==])

  # Names follow the model.
  nnbridge_replace(text
    [==[        std::memset(info, 0, sizeof(v3_param_info));
        DISTRHO_SAFE_ASSERT_RETURN(rindex >= 0, V3_INVALID_ARG);
]==]
    [==[        std::memset(info, 0, sizeof(v3_param_info));
        DISTRHO_SAFE_ASSERT_RETURN(rindex >= 0, V3_INVALID_ARG);
        nnbridge_describe(fPlugin.getInstancePointer());
]==])
  nnbridge_replace(text
    [==[        DISTRHO_SAFE_ASSERT_RETURN(normalized >= 0.0 && normalized <= 1.0, V3_INVALID_ARG);

        switch (rindex)]==]
    [==[        DISTRHO_SAFE_ASSERT_RETURN(normalized >= 0.0 && normalized <= 1.0, V3_INVALID_ARG);
        nnbridge_describe(fPlugin.getInstancePointer());

        switch (rindex)]==])

  # A model rings on.
  nnbridge_replace(text
    [==[    uint32_t getTailSamples() const noexcept
    {
        return 0;]==]
    [==[    uint32_t getTailSamples() const noexcept
    {
        return nnbridge_tail(fPlugin.getInstancePointer());]==])

  # Most hosts let go of the parts after the whole, which harms nothing.
  string(REGEX REPLACE "d_stderr\\(\"DPF warning: asked to delete" "d_debug(\"asked to delete" text "${text}")

  # A host may take the state in parts.
  nnbridge_fix_parts(text)
  nnbridge_fix_restored(text)
  nnbridge_replace(text
    [==[write(stream, const_cast<char*>(buffer), size - wrtntotal, &wrtn)]==]
    [==[write(stream, const_cast<char*>(buffer) + wrtntotal, size - wrtntotal, &wrtn)]==])

  nnbridge_write(${target}/DistrhoPluginVST3.cpp "${text}")
endfunction()

function(nnbridge_fix_clap source target)
  file(READ ${source}/DistrhoPluginCLAP.cpp text)
  nnbridge_fix_clap_window(text)

  # Hosts need not have every extension.
  string(REPLACE [==[                fHostExtensions.latency->changed(fHost);]==]
    [==[                if (fHostExtensions.latency != nullptr)
                    fHostExtensions.latency->changed(fHost);]==] text "${text}")
  nnbridge_replace(text
    [==[            fLatencyChanged = false;
            fHostExtensions.latency->changed(fHost);
        }
    }
   #endif]==]
    [==[            fLatencyChanged = false;
            if (fHostExtensions.latency != nullptr)
                fHostExtensions.latency->changed(fHost);
        }
        nnbridge_describe(fPlugin.getInstancePointer());
        if (fNews.exchange(false) && fHostExtensions.params != nullptr)
            fHostExtensions.params->rescan(fHost, CLAP_PARAM_RESCAN_INFO|CLAP_PARAM_RESCAN_VALUES|CLAP_PARAM_RESCAN_TEXT);
    }
   #endif]==])

  # A host may take the state in parts.
  nnbridge_fix_parts(text)
  nnbridge_fix_restored(text)
  nnbridge_replace(text
    [==[stream->write(stream, buffer, size - wrtntotal)]==]
    [==[stream->write(stream, buffer + wrtntotal, size - wrtntotal)]==])

  # Parameters that there aren't, and events that aren't understood, are passed over.
  nnbridge_replace(text
    [==[    void setParameterValueFromEvent(const clap_event_param_value* const event)
    {
]==]
    [==[    void setParameterValueFromEvent(const clap_event_param_value* const event)
    {
        if (event->header.space_id != CLAP_CORE_EVENT_SPACE_ID || event->param_id >= fCachedParameters.numParams)
            return;
]==])
  nnbridge_replace(text
    [==[                    case CLAP_EVENT_TRANSPORT:
                    case CLAP_EVENT_MIDI:]==]
    [==[                    case CLAP_EVENT_TRANSPORT:
                        break;
                    case CLAP_EVENT_MIDI:]==])
  foreach(call
      "getParameterInfo(const uint32_t index, clap_param_info_t* const info) const"
      "getParameterStringForValue(const clap_id index, double value, char* const display, const uint32_t size) const"
      "getParameterValueForString(const clap_id index, const char* const display, double* const value) const"
      "getParameterValue(const clap_id index, double* const value) const")
    string(REPLACE "const clap_id index" "const clap_id param_id" place "${call}")
    string(REGEX MATCH "param_id|index" id "${place}")
    nnbridge_replace(text "    bool ${place}
    {
" "    bool ${place}
    {
        if (${id} >= fPlugin.getParameterCount())
            return false;
        nnbridge_describe(fPlugin.getInstancePointer());
")
  endforeach()

  # Offline rendering, tail and reset, which DPF leaves out.
  nnbridge_replace(text
    [==[    void activate(const double sampleRate, const uint32_t maxFramesCount)
    {
]==]
    [==[    bool fOffline = false;
    bool fMono = false;
    std::atomic<bool> fNews{false};

    void* instance() const noexcept
    {
        return fPlugin.getInstancePointer();
    }

    void activate(const double sampleRate, const uint32_t maxFramesCount)
    {
        nnbridge_host_says(instance(), fOffline, fMono ? 1 : 2, false);
]==])
  nnbridge_replace(text
    [==[    bool process(const clap_process_t* const process)
    {
]==]
    [==[    bool process(const clap_process_t* const process)
    {
        nnbridge_host_says(instance(), fOffline, fMono ? 1 : 2, true);
        if (nnbridge_has_news(instance()))
        {
            fNews = true;
            fHost->request_callback(fHost);
        }
]==])
  nnbridge_replace(text
    [==[static CLAP_ABI void clap_plugin_reset(const clap_plugin_t*)
{
    // nothing to do
}
]==]
    [==[// As the CLAP documentation states them; this DPF has not their headers.
struct clap_plugin_tail_t { uint32_t (CLAP_ABI *get)(const clap_plugin_t*); };
struct clap_plugin_render_t
{
    bool (CLAP_ABI *has_hard_realtime_requirement)(const clap_plugin_t*);
    bool (CLAP_ABI *set)(const clap_plugin_t*, int32_t mode);
};
static constexpr const int32_t CLAP_RENDER_OFFLINE = 1;

static CLAP_ABI void clap_plugin_reset(const clap_plugin_t* const plugin)
{
    nnbridge_reset(static_cast<PluginCLAP*>(plugin->plugin_data)->instance());
}

static CLAP_ABI uint32_t nnbridge_clap_tail(const clap_plugin_t* const plugin)
{
    return nnbridge_tail(static_cast<PluginCLAP*>(plugin->plugin_data)->instance());
}

static CLAP_ABI bool nnbridge_clap_needs_real_time(const clap_plugin_t*)
{
    return false;
}

static CLAP_ABI bool nnbridge_clap_render(const clap_plugin_t* const plugin, const int32_t mode)
{
    static_cast<PluginCLAP*>(plugin->plugin_data)->fOffline = mode == CLAP_RENDER_OFFLINE;
    return true;
}

static const clap_plugin_tail_t nnbridge_clap_plugin_tail = { nnbridge_clap_tail };
static const clap_plugin_render_t nnbridge_clap_plugin_render = { nnbridge_clap_needs_real_time, nnbridge_clap_render };
]==])
  nnbridge_replace(text
    [==[    if (std::strcmp(id, CLAP_EXT_PARAMS) == 0)
        return &clap_plugin_params;
]==]
    [==[    if (std::strcmp(id, CLAP_EXT_PARAMS) == 0)
        return &clap_plugin_params;
    if (std::strcmp(id, "clap.tail") == 0)
        return &nnbridge_clap_plugin_tail;
    if (std::strcmp(id, "clap.render") == 0)
        return &nnbridge_clap_plugin_render;
]==])

  # A mono track is as good as a stereo one: the host chooses between two configurations.
  foreach(way in out)
    string(TOUPPER ${way}PUTS ways)
    nnbridge_replace(text
      "DISTRHO_SAFE_ASSERT_UINT2_RETURN(${way} == DISTRHO_PLUGIN_NUM_${ways},"
      "DISTRHO_SAFE_ASSERT_UINT2_RETURN(${way} == (fMono ? 1 : DISTRHO_PLUGIN_NUM_${ways}),")
  endforeach()
  nnbridge_replace(text
    [==[        info->channel_count = busInfo.numChannels;

        switch (busInfo.groupId)]==]
    [==[        info->channel_count = fMono ? 1 : busInfo.numChannels;

        switch (fMono ? kPortGroupMono : busInfo.groupId)]==])
  nnbridge_replace(text
    [==[static const clap_plugin_tail_t nnbridge_clap_plugin_tail =]==]
    [==[// Likewise.
struct clap_audio_ports_config_t
{
    clap_id id;
    char name[CLAP_NAME_SIZE];
    uint32_t input_port_count, output_port_count;
    bool has_main_input;
    uint32_t main_input_channel_count;
    const char* main_input_port_type;
    bool has_main_output;
    uint32_t main_output_channel_count;
    const char* main_output_port_type;
};
struct clap_plugin_audio_ports_config_t
{
    uint32_t (CLAP_ABI *count)(const clap_plugin_t*);
    bool (CLAP_ABI *get)(const clap_plugin_t*, uint32_t index, clap_audio_ports_config_t*);
    bool (CLAP_ABI *select)(const clap_plugin_t*, clap_id config);
};

static CLAP_ABI uint32_t nnbridge_clap_configs(const clap_plugin_t*)
{
    return 2;
}

// Number 0 is stereo, as an instance begins, and number 1 mono.
static CLAP_ABI bool nnbridge_clap_config(const clap_plugin_t*, const uint32_t index, clap_audio_ports_config_t* const config)
{
    if (index > 1)
        return false;
    const uint32_t channels = 2 - index;
    const char* const type = index == 1 ? CLAP_PORT_MONO : CLAP_PORT_STEREO;
    *config = { index, {}, 1, 1, true, channels, type, true, channels, type };
    DISTRHO_NAMESPACE::strncpy(config->name, index == 1 ? "mono" : "stereo", CLAP_NAME_SIZE);
    return true;
}

static CLAP_ABI bool nnbridge_clap_select(const clap_plugin_t* const plugin, const clap_id config)
{
    if (config > 1)
        return false;
    static_cast<PluginCLAP*>(plugin->plugin_data)->fMono = config == 1;
    return true;
}

static const clap_plugin_audio_ports_config_t nnbridge_clap_plugin_configs = { nnbridge_clap_configs, nnbridge_clap_config, nnbridge_clap_select };
static const clap_plugin_tail_t nnbridge_clap_plugin_tail =]==])
  nnbridge_replace(text
    [==[    if (std::strcmp(id, "clap.tail") == 0)]==]
    [==[    if (std::strcmp(id, "clap.audio-ports-config") == 0)
        return &nnbridge_clap_plugin_configs;
    if (std::strcmp(id, "clap.tail") == 0)]==])

  # The plugin itself changes values too: what the window is told after a state is what holds.
  nnbridge_replace(text
    [==[ui->setParameterValueFromPlugin(i, fCachedParameters.values[i]);]==]
    [==[ui->setParameterValueFromPlugin(i, fPlugin.getParameterValue(i));]==])
  nnbridge_write(${target}/DistrhoPluginCLAP.cpp "${text}")
endfunction()

# The ports of a session or preset come with its state, also those of attributes that nobody had
# turned then: they stand anywhere, and are no turning of a knob.
function(nnbridge_fix_lv2_restored name)
  nnbridge_replace(${name}
    [==[                fLastControlValues[i] = curValue;

                fPlugin.setParameterValue(i, curValue);
            }
        }
]==]
    [==[                fLastControlValues[i] = curValue;

                if (! fRestored || nnbridge_restores(fPlugin.getInstancePointer(), i))
                    fPlugin.setParameterValue(i, curValue);
            }
        }
        fRestored = false;
]==])
  nnbridge_replace(${name}
    [==[                fNeededUiSends[i] = true;
           #endif
        }

        return LV2_STATE_SUCCESS;]==]
    [==[                fNeededUiSends[i] = true;
           #endif
        }
        fRestored = true;

        return LV2_STATE_SUCCESS;]==])
  nnbridge_replace(${name} "    const float* fPortOffline = nullptr;
" "    const float* fPortOffline = nullptr;
    std::atomic<bool> fRestored{false};
")
  set(${name} "${${name}}" PARENT_SCOPE)
endfunction()

# A port by which a host says that it renders offline ("free wheeling"), behind the latency's; and
# right sides that it may leave unconnected, as a mono track.
function(nnbridge_fix_lv2 source target)
  file(READ ${source}/DistrhoPluginLV2.cpp text)
  nnbridge_replace(text
    [==[            fPortLatency = (float*)dataLocation;
            return;
        }
]==]
    [==[            fPortLatency = (float*)dataLocation;
            return;
        }
        if (port == index++)
        {
            fPortOffline = (const float*)dataLocation;
            return;
        }
]==])
  nnbridge_replace(text
    [==[    void lv2_activate()
    {
]==]
    [==[    const float* fPortOffline = nullptr;

    bool isOffline() const noexcept
    {
        return fPortOffline != nullptr && *fPortOffline > 0.5f;
    }

    int channels() const noexcept
    {
        return fPortAudioIns[1] != nullptr && fPortAudioOuts[1] != nullptr ? 2 : 1;
    }

    void lv2_activate()
    {
        nnbridge_host_says(fPlugin.getInstancePointer(), isOffline(), channels(), false);
]==])
  nnbridge_replace(text
    [==[        // Run plugin
        if (sampleCount != 0)
        {
]==]
    [==[        // Run plugin
        if (sampleCount != 0)
        {
            nnbridge_host_says(fPlugin.getInstancePointer(), isOffline(), channels(), true);
]==])
  nnbridge_fix_lv2_restored(text)
  nnbridge_write(${target}/DistrhoPluginLV2.cpp "${text}")

  file(READ ${source}/DistrhoPluginLV2export.cpp text)
  nnbridge_replace(text
    [==[                pluginString += "        lv2:name \"" + port.name + "\" ;\n";

                if (port.hints & kAudioPortIsSidechain)]==]
    [==[                pluginString += "        lv2:name \"" + port.name + "\" ;\n";
                if (i == 1)
                    pluginString += "        lv2:portProperty lv2:connectionOptional ;\n";

                if (port.hints & kAudioPortIsSidechain)]==])
  nnbridge_replace(text
    [==[lv2:reportsLatency, lv2:integer, <" LV2_PORT_PROPS__notOnGUI "> ;\n";
            pluginString += "    ] ;\n\n";
            ++portIndex;]==]
    [==[lv2:reportsLatency, lv2:integer, <" LV2_PORT_PROPS__notOnGUI "> ;\n";
            pluginString += "    ] ;\n\n";
            ++portIndex;
            pluginString += "    lv2:port [\n";
            pluginString += "        a lv2:InputPort, lv2:ControlPort ;\n";
            pluginString += "        lv2:index " + String(portIndex) + " ;\n";
            pluginString += "        lv2:name \"Free wheeling\" ;\n";
            pluginString += "        lv2:symbol \"lv2_freewheel\" ;\n";
            pluginString += "        lv2:designation lv2:freeWheeling ;\n";
            pluginString += "        lv2:default 0 ;\n        lv2:minimum 0 ;\n        lv2:maximum 1 ;\n";
            pluginString += "        lv2:portProperty lv2:toggled, <" LV2_PORT_PROPS__notOnGUI "> ;\n";
            pluginString += "    ] ;\n\n";
            ++portIndex;]==])
  nnbridge_write(${target}/DistrhoPluginLV2export.cpp "${text}")
endfunction()
