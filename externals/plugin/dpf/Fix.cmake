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

function(nnbridge_fix_dpf source target)
  file(COPY ${source}/ DESTINATION ${target} PATTERN DistrhoPluginVST3.cpp EXCLUDE)
  set(file ${target}/distrho/src/DistrhoPluginVST3.cpp)
  file(READ ${source}/distrho/src/DistrhoPluginVST3.cpp text)

  # The largest latency stands in divisions.
  nnbridge_replace(text [==[DPF_VST3_MAX_SAMPLE_RATE * 10]==] [==[(DPF_VST3_MAX_SAMPLE_RATE * 10)]==])

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
            return V3_INVALID_ARG;

        _setNormalizedPluginParameterValue(index, normalized);]==])

  # A host may take the state in parts.
  nnbridge_replace(text
    [==[write(stream, const_cast<char*>(buffer), size - wrtntotal, &wrtn)]==]
    [==[write(stream, const_cast<char*>(buffer) + wrtntotal, size - wrtntotal, &wrtn)]==])

  set(before "")
  if(EXISTS ${file})
    file(READ ${file} before)
  endif()
  if(NOT before STREQUAL text) # so that configuring again compiles nothing again
    file(WRITE ${file} "${text}")
  endif()
endfunction()
