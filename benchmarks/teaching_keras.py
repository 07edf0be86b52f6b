"""The networks of the teaching notebooks in Keras, trained on request: a process of its own, without nets and torch.

    python -P benchmarks/teaching_keras.py autoencoder images.npy 1

It reads images (N, H, W, 1) float32, builds the network and trains an epoch, which compiles it. Then each line of
standard input is a number of epochs; it trains for so many and answers with a line of JSON: seconds of CPU and by the
clock.
"""

import json
import os
import sys
import time

os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "", "KERAS_BACKEND": "tensorflow"}

import keras
import numpy as np
import tensorflow as tf
from keras import layers


class Sampling(layers.Layer):
    """A sample of the posterior; adds 0.01 times its KL divergence to the loss."""

    def call(self, inputs):
        mean, log_variance = inputs
        divergence = -0.5 * keras.ops.sum(1 + log_variance - mean**2 - keras.ops.exp(log_variance), axis=-1)
        self.add_loss(0.01 * keras.ops.mean(divergence))
        return mean + keras.ops.exp(log_variance / 2) * keras.random.normal(keras.ops.shape(mean))


def dense(x, *widths):
    """Dense layers with ReLU."""
    for width in widths:
        x = layers.Dense(width, activation="relu")(x)
    return x


def autoencoder(images):
    """784-128-64-2-64-128-784 by squared error, in batches of 256; the code has a ReLU too."""
    image = keras.Input((784,))
    drawn = layers.Dense(784, activation="sigmoid")(dense(image, 128, 64, 2, 64, 128))
    return fitted(keras.Model(image, drawn), "mse", images, 256)


def vae(images):
    """784-512-64-(2, 2)-64-512-784 by 784 times the squared error and 0.01 times the divergence, in batches of 128."""
    image = keras.Input((784,))
    hidden = dense(image, 512, 64)
    code = Sampling()([layers.Dense(2)(hidden), layers.Dense(2)(hidden)])
    drawn = layers.Dense(784, activation="sigmoid")(dense(code, 64, 512))

    def loss(truth, found):
        return 784 * keras.losses.mean_squared_error(truth, found)

    return fitted(keras.Model(image, drawn), loss, images, 128)


def fitted(model, loss, images, batch):
    """A function that trains a model to draw its input."""
    flat = images.reshape(len(images), -1)
    flat = flat[: len(flat) // batch * batch]
    model.compile(optimizer="adam", loss=loss)
    return lambda epochs: model.fit(flat, flat, batch_size=batch, epochs=epochs, verbose=0)


def dcgan(images):
    """The notebook's DCGAN in batches of 256, both networks in one compiled step."""
    slope, batch = 0.2, 256
    generator = keras.Sequential([keras.Input((100,)), layers.Dense(7 * 7 * 256, use_bias=False)])
    for part in (
        *(layers.BatchNormalization(momentum=0.8), layers.LeakyReLU(slope), layers.Reshape((7, 7, 256))),
        layers.Conv2DTranspose(128, 5, padding="same", use_bias=False),
        *(layers.BatchNormalization(momentum=0.8), layers.LeakyReLU(slope)),
        layers.Conv2DTranspose(64, 5, strides=2, padding="same", use_bias=False),
        *(layers.BatchNormalization(momentum=0.8), layers.LeakyReLU(slope)),
        layers.Conv2DTranspose(1, 5, strides=2, padding="same", use_bias=False, activation="tanh"),
    ):
        generator.add(part)
    discriminator = keras.Sequential([keras.Input((28, 28, 1))])
    for width in (64, 128):
        discriminator.add(layers.Conv2D(width, 5, strides=2, padding="same"))
        discriminator.add(layers.LeakyReLU(slope))
        discriminator.add(layers.Dropout(0.25))
    discriminator.add(layers.Flatten())
    discriminator.add(layers.Dense(1, activation="sigmoid"))
    entropy = keras.losses.BinaryCrossentropy()
    pairs = [(generator, keras.optimizers.Adam(1e-4)), (discriminator, keras.optimizers.Adam(5e-5))]
    for network, optimizer in pairs:
        optimizer.build(network.trainable_variables)
    data = tf.data.Dataset.from_tensor_slices(2 * images - 1).shuffle(len(images)).batch(batch, drop_remainder=True)

    @tf.function
    def step(real):
        with tf.GradientTape() as first, tf.GradientTape() as second:
            drawn = generator(tf.random.normal([batch, 100]), training=True)
            on_real, on_drawn = discriminator(real, training=True), discriminator(drawn, training=True)
            losses = (
                entropy(tf.ones_like(on_drawn), on_drawn),
                entropy(tf.ones_like(on_real), on_real) + entropy(tf.zeros_like(on_drawn), on_drawn),
            )
        for (network, optimizer), tape, loss in zip(pairs, (first, second), losses, strict=True):
            gradients = tape.gradient(loss, network.trainable_variables)
            optimizer.apply_gradients(zip(gradients, network.trainable_variables, strict=True))

    def train(epochs):
        for _ in range(epochs):
            for real in data:
                step(real)

    return train


def main(name, file, threads):
    """Build, compile, and train when asked."""
    tf.config.threading.set_intra_op_parallelism_threads(int(threads))
    tf.config.threading.set_inter_op_parallelism_threads(1)
    images = np.load(file)
    train = {"autoencoder": autoencoder, "vae": vae, "dcgan": dcgan}[name](images)
    train(1)
    print(json.dumps({"keras": keras.__version__, "tensorflow": tf.__version__}), flush=True)
    for line in sys.stdin:
        cpu, wall = time.process_time(), time.perf_counter()
        train(int(line))
        print(json.dumps({"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
