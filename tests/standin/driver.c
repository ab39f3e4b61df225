/* A stand-in for NVIDIA's driver library: what pycuda asks of it, in host memory, and stricter than a GPU.
 *
 * It shows that contexts, buffers, copies, streams and graphs are used as the driver demands, and nothing of a
 * GPU: no kernels, no speed. Memory of the device has addresses that mean nothing to the processor, work on a
 * stream is done when the stream is waited for and never before, and a call without a current context fails.
 *
 * STANDIN_DEVICES (1), STANDIN_MEMORY_MB (512), STANDIN_INTEGRATED (0) and STANDIN_INIT (0: the answer of cuInit)
 * say what there is. Its own functions are at the end.
 */
#include <cuda.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 512, DEEPEST = 16 };

typedef struct { CUdeviceptr at; char *memory; size_t bytes; int host; int mapped; } Block;
typedef struct { char *to, *from; size_t bytes; CUhostFn call; void *with; } Work;
typedef struct { Work work[MOST]; int count; } Queue;
struct CUstream_st { Queue queue; CUgraph recording; };
struct CUgraph_st { Queue queue; };
struct CUgraphExec_st { Queue queue; };
struct CUctx_st { int retained; };

static pthread_mutex_t entry = PTHREAD_MUTEX_INITIALIZER;
static struct CUctx_st primary;
static Block blocks[MOST];
static CUdeviceptr next_at = 0x700000000000;
static int broken, initialised, streams, graphs, playables;
static __thread int depth;

static int setting(const char *name, int otherwise) {
    const char *text = getenv(name);
    return text ? atoi(text) : otherwise;
}

/* What every call on the device begins with: a context, and a device that still works. */
#define ON_THE_DEVICE do { \
        if (!initialised) return CUDA_ERROR_NOT_INITIALIZED; \
        if (!depth || !primary.retained) return CUDA_ERROR_INVALID_CONTEXT; \
        if (broken) return broken; \
    } while (0)
#define LOCKED(statement) do { pthread_mutex_lock(&entry); statement; pthread_mutex_unlock(&entry); } while (0)

static size_t used(void) {
    size_t sum = 0;
    for (int i = 0; i < MOST; ++i) if (blocks[i].memory && !blocks[i].host) sum += blocks[i].bytes;
    return sum;
}

static size_t capacity(void) { return (size_t)setting("STANDIN_MEMORY_MB", 512) << 20; }

static Block *new_block(size_t bytes, int host, int mapped) {
    for (int i = 0; i < MOST; ++i) {
        if (blocks[i].memory) continue;
        blocks[i] = (Block){next_at, calloc(1, bytes), bytes, host, mapped};
        memset(blocks[i].memory, host ? 0 : 0xA5, bytes);
        next_at += (bytes + (4u << 20)) & ~((CUdeviceptr)(2u << 20) - 1);
        return &blocks[i];
    }
    return NULL;
}

/* The memory behind device addresses, NULL if they are not all of one block. */
static char *on_device(CUdeviceptr at, size_t bytes) {
    for (int i = 0; i < MOST; ++i) {
        Block *block = &blocks[i];
        if (block->memory && (!block->host || block->mapped) && at >= block->at && at + bytes <= block->at + block->bytes)
            return block->memory + (at - block->at);
    }
    return NULL;
}

static int is_page_locked(const char *at, size_t bytes) {
    for (int i = 0; i < MOST; ++i) {
        Block *block = &blocks[i];
        if (block->memory && block->host && at >= block->memory && at + bytes <= block->memory + block->bytes) return 1;
    }
    return 0;
}

static CUresult put(CUstream stream, Work work) {
    Queue *queue = stream->recording ? &stream->recording->queue : &stream->queue;
    if (queue->count == MOST) return CUDA_ERROR_OUT_OF_MEMORY;
    queue->work[queue->count++] = work;
    return CUDA_SUCCESS;
}

static void play(Queue *queue) {
    for (int i = 0; i < queue->count; ++i) {
        Work *work = &queue->work[i];
        if (work->call) work->call(work->with);
        else memcpy(work->to, work->from, work->bytes);
    }
}

/* Devices and the driver. */
CUresult cuInit(unsigned int flags) { (void)flags; initialised = !setting("STANDIN_INIT", 0); return setting("STANDIN_INIT", 0); }
CUresult cuDriverGetVersion(int *version) { *version = 13000; return CUDA_SUCCESS; }
CUresult cuDeviceGetCount(int *count) { *count = setting("STANDIN_DEVICES", 1); return CUDA_SUCCESS; }
CUresult cuDeviceGet(CUdevice *device, int number) {
    *device = number;
    return number < setting("STANDIN_DEVICES", 1) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_DEVICE;
}
CUresult cuDeviceGetName(char *name, int length, CUdevice device) {
    (void)device;
    strncpy(name, "Stand-in", length);
    return CUDA_SUCCESS;
}
CUresult cuDeviceComputeCapability(int *major, int *minor, CUdevice device) { (void)device; *major = 8; *minor = 9; return CUDA_SUCCESS; }
CUresult cuDeviceGetAttribute(int *value, CUdevice_attribute attribute, CUdevice device) {
    (void)device;
    *value = attribute == CU_DEVICE_ATTRIBUTE_INTEGRATED ? setting("STANDIN_INTEGRATED", 0) : 1;
    return CUDA_SUCCESS;
}
CUresult cuGetErrorString(CUresult error, const char **text) {
    static __thread char words[32];
    *text = error == CUDA_ERROR_LAUNCH_FAILED ? "unspecified launch failure" : words;
    strcpy(words, "error 000");
    for (int i = 8, rest = error; i > 5; --i, rest /= 10) words[i] = '0' + rest % 10;
    return CUDA_SUCCESS;
}

/* Contexts: the primary one, and each thread's stack of it. */
CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice device) {
    (void)device;
    if (!initialised) return CUDA_ERROR_NOT_INITIALIZED;
    if (broken) return broken;
    LOCKED(primary.retained++);
    *context = &primary;
    return CUDA_SUCCESS;
}
CUresult cuDevicePrimaryCtxRelease(CUdevice device) {
    (void)device;
    if (!primary.retained) return CUDA_ERROR_INVALID_CONTEXT;
    LOCKED(primary.retained--);
    return CUDA_SUCCESS;
}
CUresult cuCtxPushCurrent(CUcontext context) {
    if (context != &primary || depth == DEEPEST) return CUDA_ERROR_INVALID_CONTEXT;
    depth++;
    return CUDA_SUCCESS;
}
CUresult cuCtxPopCurrent(CUcontext *context) {
    if (!depth) return CUDA_ERROR_INVALID_CONTEXT;
    depth--;
    *context = &primary;
    return CUDA_SUCCESS;
}
CUresult cuCtxGetDevice(CUdevice *device) { if (!depth) return CUDA_ERROR_INVALID_CONTEXT; *device = 0; return CUDA_SUCCESS; }

/* Memory. */
CUresult cuMemGetInfo(size_t *left, size_t *total) {
    ON_THE_DEVICE;
    LOCKED(*left = capacity() - used());
    *total = capacity();
    return CUDA_SUCCESS;
}
CUresult cuMemAlloc(CUdeviceptr *at, size_t bytes) {
    ON_THE_DEVICE;
    Block *block = NULL;
    LOCKED(if (used() + bytes <= capacity()) block = new_block(bytes, 0, 0));
    if (!block) return CUDA_ERROR_OUT_OF_MEMORY;
    *at = block->at;
    return CUDA_SUCCESS;
}
CUresult cuMemHostAlloc(void **memory, size_t bytes, unsigned int flags) {
    ON_THE_DEVICE;
    Block *block = NULL;
    LOCKED(block = new_block(bytes, 1, (flags & CU_MEMHOSTALLOC_DEVICEMAP) != 0));
    if (!block) return CUDA_ERROR_OUT_OF_MEMORY;
    *memory = block->memory;
    return CUDA_SUCCESS;
}
CUresult cuMemHostGetDevicePointer(CUdeviceptr *at, void *memory, unsigned int flags) {
    ON_THE_DEVICE;
    (void)flags;
    for (int i = 0; i < MOST; ++i)
        if (blocks[i].memory == memory && blocks[i].mapped) { *at = blocks[i].at; return CUDA_SUCCESS; }
    return CUDA_ERROR_INVALID_VALUE;
}
static CUresult let_go(CUdeviceptr at, const void *memory) {
    ON_THE_DEVICE;
    CUresult answer = CUDA_ERROR_INVALID_VALUE;
    LOCKED(for (int i = 0; i < MOST; ++i) {
        if (!blocks[i].memory || (memory ? blocks[i].memory != memory : blocks[i].at != at || blocks[i].host)) continue;
        free(blocks[i].memory);
        blocks[i].memory = NULL;
        answer = CUDA_SUCCESS;
    });
    return answer;
}
CUresult cuMemFree(CUdeviceptr at) { return let_go(at, NULL); }
CUresult cuMemFreeHost(void *memory) { return let_go(0, memory); }

/* A copy that is to run beside the processor needs page-locked memory; a GPU would take other memory, and wait. */
CUresult cuMemcpyHtoDAsync(CUdeviceptr to, const void *from, size_t bytes, CUstream stream) {
    ON_THE_DEVICE;
    char *target = on_device(to, bytes);
    if (!target || !is_page_locked(from, bytes)) return CUDA_ERROR_INVALID_VALUE;
    return put(stream, (Work){target, (char *)from, bytes, NULL, NULL});
}
CUresult cuMemcpyDtoHAsync(void *to, CUdeviceptr from, size_t bytes, CUstream stream) {
    ON_THE_DEVICE;
    char *source = on_device(from, bytes);
    if (!source || !is_page_locked(to, bytes)) return CUDA_ERROR_INVALID_VALUE;
    return put(stream, (Work){to, source, bytes, NULL, NULL});
}

/* Streams and graphs. */
CUresult cuStreamCreate(CUstream *stream, unsigned int flags) {
    ON_THE_DEVICE;
    /* Work of another thread on the legacy stream would end a capture on any other kind. */
    if (flags != CU_STREAM_NON_BLOCKING) return CUDA_ERROR_INVALID_VALUE;
    *stream = calloc(1, sizeof **stream);
    LOCKED(streams++);
    return CUDA_SUCCESS;
}
/* No stream but ours, which is waited for by itself. */
CUresult cuCtxSynchronize(void) { ON_THE_DEVICE; return CUDA_SUCCESS; }
CUresult cuStreamDestroy(CUstream stream) { free(stream); LOCKED(streams--); return CUDA_SUCCESS; }
CUresult cuLaunchHostFunc(CUstream stream, CUhostFn call, void *with) {
    ON_THE_DEVICE;
    return put(stream, (Work){NULL, NULL, 0, call, with});
}
CUresult cuStreamSynchronize(CUstream stream) {
    ON_THE_DEVICE;
    if (stream->recording) return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
    play(&stream->queue);
    stream->queue.count = 0;
    return broken;
}
CUresult cuStreamBeginCapture(CUstream stream, CUstreamCaptureMode mode) {
    ON_THE_DEVICE;
    if (mode != CU_STREAM_CAPTURE_MODE_THREAD_LOCAL || stream->recording) return CUDA_ERROR_INVALID_VALUE;
    stream->recording = calloc(1, sizeof *stream->recording);
    LOCKED(graphs++);
    return CUDA_SUCCESS;
}
CUresult cuStreamEndCapture(CUstream stream, CUgraph *graph) {
    ON_THE_DEVICE;
    if (!stream->recording) return CUDA_ERROR_INVALID_VALUE;
    *graph = stream->recording;
    stream->recording = NULL;
    return CUDA_SUCCESS;
}
CUresult cuGraphInstantiateWithFlags(CUgraphExec *playable, CUgraph graph, unsigned long long flags) {
    ON_THE_DEVICE;
    (void)flags;
    *playable = calloc(1, sizeof **playable);
    (*playable)->queue = graph->queue;
    LOCKED(playables++);
    return CUDA_SUCCESS;
}
CUresult cuGraphLaunch(CUgraphExec playable, CUstream stream) {
    ON_THE_DEVICE;
    for (int i = 0; i < playable->queue.count; ++i)
        if (put(stream, playable->queue.work[i])) return CUDA_ERROR_OUT_OF_MEMORY;
    return CUDA_SUCCESS;
}
CUresult cuGraphDestroy(CUgraph graph) { free(graph); LOCKED(graphs--); return CUDA_SUCCESS; }
CUresult cuGraphExecDestroy(CUgraphExec playable) { free(playable); LOCKED(playables--); return CUDA_SUCCESS; }

/* Its own: the memory behind a device address, a fault after which nothing works and, with 0, a new process's
 * device, and what was not given back. */
void *standin_memory(CUdeviceptr at, size_t bytes) { return on_device(at, bytes); }
void standin_break(int error) {
    broken = error;
    for (int i = 0; !error && i < MOST; ++i) { free(blocks[i].memory); blocks[i].memory = NULL; }
}
int standin_left(const char *what) {
    int count = 0;
    for (int i = 0; i < MOST; ++i) count += blocks[i].memory != NULL && blocks[i].host == !strcmp(what, "host memory");
    if (strstr(what, "memory")) return count;
    if (!strcmp(what, "streams")) return streams;
    if (!strcmp(what, "graphs")) return graphs + playables;
    if (!strcmp(what, "contexts")) return primary.retained;
    return depth;
}
