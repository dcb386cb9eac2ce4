"""The training of A. Singh's article: 200 digits, squared error, plain gradient descent.

Aishwarya Singh, "Demystifying the Mathematics Behind Convolutional Neural Networks (CNNs)",
Analytics Vidhya, 2020. Every step sees all 200 images at once. The article leaves the learning
rate and the number of steps open; these are ours.
"""

import sys

import numpy as np

from scratchcnn import datasets, fit, models, nn, optim


def train(steps, rate=0.05, seed=0):
    """Return the error, averaged over the images, and the accuracy of each step."""
    images, labels = datasets.binary_digits(seed)
    model = models.sigmoid_cnn(rng=seed)
    return fit(
        model,
        images,
        labels[:, None].astype(np.float32),
        loss=nn.HalfSquaredError(),
        optimizer=optim.SGD(model.parameters(), lr=rate),
        epochs=steps,
        batch_size=len(images),
        rng=seed,
    )


if __name__ == "__main__":
    for epoch in train(int(sys.argv[1]) if len(sys.argv) > 1 else 400).epochs[::20]:
        print(f"{epoch.epoch:4} {epoch.train_loss:.4f} {100 * epoch.train_accuracy:.1f} %")
